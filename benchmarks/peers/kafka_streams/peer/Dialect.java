package peer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;

/** One province's readings: from the bytes of an upload to the canonical record. */
final class Dialect {
    private static final int VALUE_LIMIT = 1 << 20;
    private static final int HEAD = 5;

    private record Rule(int position, Fields.Field field) {}

    private record JsonField(String key, Schema.Type type, boolean nullable, String called) {}

    private final ObjectMapper json = new ObjectMapper();
    private final Registry registry;
    private final String province;
    private final String mapping;
    private final String subject;
    private final String event;
    private final Schema reader;
    private final Schema canonical;
    private final Map<Integer, GenericDatumReader<GenericRecord>> readers = new HashMap<>();
    private final List<Rule> rules = new ArrayList<>();
    private final List<JsonField> jsonFields = new ArrayList<>();
    private final Set<String> jsonKeys = new HashSet<>();
    private final Judge judge;
    private BinaryDecoder decoder;

    Dialect(JsonNode dialect, JsonNode run, Schema canonical, Registry registry) {
        this.registry = registry;
        this.canonical = canonical;
        province = dialect.get("province").asText();
        mapping = dialect.get("mapping").asText();
        subject = dialect.get("subject").asText();
        event = province + ":" + run.get("kind").asText() + ":";
        reader = withStrings(new Schema.Parser().parse(dialect.get("schema").toString()));
        judge = new Judge(run.get("screening"), canonical);
        Set<String> absent = new HashSet<>();
        dialect.get("absent").forEach(text -> absent.add(text.asText()));
        dialect.get("rules").properties().forEach(entry -> {
            Schema.Field target = canonical.getField(entry.getKey());
            rules.add(new Rule(target.pos(), Fields.field(target, entry.getValue(), reader, absent)));
        });
        for (Schema.Field field : reader.getFields()) {
            String key = dialect.get("json").get(field.name()).asText();
            jsonKeys.add(key);
            jsonFields.add(new JsonField(
                    key, plain(field.schema()).getType(), field.schema().isUnion(), called(field.name(), key, dialect)));
        }
    }

    /** The canonical record but for its source; throws Refused. */
    GenericData.Record canonical(byte[] value, long received) {
        if (value == null || value.length == 0) {
            throw new Refused("empty", null);
        }
        if (value.length > VALUE_LIMIT) {
            throw new Refused("oversized", null);
        }
        List<String> notes = new ArrayList<>(2);
        Integer schemaId = null;
        GenericRecord upload;
        if (value[0] == 0 && value.length >= HEAD) {
            schemaId = ByteBuffer.wrap(value, 1, 4).getInt();
            upload = avro(schemaId, value);
        } else if (beginsWithBrace(value)) {
            upload = object(value, notes);
        } else {
            throw new Refused("unframed", null);
        }
        boolean unknownKeys = !notes.isEmpty();
        notes.clear();
        GenericData.Record made = new GenericData.Record(canonical);
        for (Rule rule : rules) {
            made.put(rule.position, rule.field.apply(upload, received, notes));
        }
        judge.apply(made, notes, unknownKeys);
        made.put(
                "event_id", event + made.get("device_code") + ":" + made.get("observed_at") + ":" + made.get("period"));
        made.put("province", province);
        made.put("received_at", received);
        made.put("schema_id", schemaId);
        made.put("mapping", mapping);
        return made;
    }

    private GenericRecord avro(int schemaId, byte[] value) {
        GenericDatumReader<GenericRecord> known = readers.get(schemaId);
        if (known == null) {
            known = reader(schemaId);
            readers.put(schemaId, known);
        }
        decoder = DecoderFactory.get().binaryDecoder(value, HEAD, value.length - HEAD, decoder);
        try {
            GenericRecord upload = known.read(null, decoder);
            if (decoder.isEnd()) {
                return upload;
            }
        } catch (IOException | AvroRuntimeException | IndexOutOfBoundsException | UnsupportedOperationException damage) {
            throw new Refused("undecodable", null);
        }
        throw new Refused("undecodable", null);
    }

    private GenericDatumReader<GenericRecord> reader(int schemaId) {
        Registry.Found found =
                registry.schema(schemaId).orElseThrow(() -> new Refused("unknown_schema", null));
        if (!found.subjects().contains(subject)) {
            throw new Refused("wrong_subject", null);
        }
        return new GenericDatumReader<>(withStrings(new Schema.Parser().parse(found.schema())), reader);
    }

    /** The upload; a note stands for keys that the schema does not have. */
    private GenericRecord object(byte[] value, List<String> notes) {
        JsonNode content;
        try {
            content = json.readTree(value);
        } catch (JsonProcessingException damage) {
            throw new Refused("undecodable", null);
        } catch (IOException impossible) {
            throw new IllegalStateException(impossible);
        }
        GenericRecord upload = new GenericData.Record(reader);
        for (int position = 0; position < jsonFields.size(); position++) {
            JsonField field = jsonFields.get(position);
            JsonNode said = content.get(field.key);
            if (said == null || said.isNull()) {
                if (!field.nullable) {
                    throw new Refused("missing_field", field.called);
                }
                continue;
            }
            upload.put(position, typed(said, field));
        }
        for (var keys = content.fieldNames(); keys.hasNext(); ) {
            if (!jsonKeys.contains(keys.next())) {
                notes.add("json=unknown_keys");
                break;
            }
        }
        return upload;
    }

    private static Object typed(JsonNode said, JsonField field) {
        switch (field.type) {
            case STRING -> {
                if (said.isTextual()) {
                    return said.textValue();
                }
                throw new Refused("undecodable", field.called);
            }
            case INT -> {
                if (said.isIntegralNumber() && said.canConvertToInt()) {
                    return said.intValue();
                }
            }
            case LONG -> {
                if (said.isIntegralNumber() && said.canConvertToLong()) {
                    return said.longValue();
                }
            }
            default -> {
                if (said.isNumber()) {
                    return said.doubleValue();
                }
            }
        }
        throw new Refused("bad_number", field.called);
    }

    private static String called(String name, String key, JsonNode dialect) {
        for (var entry : dialect.get("rules").properties()) {
            for (JsonNode source : entry.getValue().get("sources")) {
                if (source.asText().equals(name)) {
                    return entry.getKey();
                }
            }
            for (JsonNode part : entry.getValue().get("compose")) {
                if (part.asText().equals("{" + name + "}")) {
                    return entry.getKey();
                }
            }
        }
        return key;
    }

    private static boolean beginsWithBrace(byte[] value) {
        for (byte each : value) {
            if (each != ' ' && each != '\t' && each != '\r' && each != '\n') {
                return each == '{';
            }
        }
        return false;
    }

    static Schema plain(Schema schema) {
        return schema.isUnion() ? schema.getTypes().get(1) : schema;
    }

    /** The schema with texts as String, not Utf8, which would be turned into one again. */
    private static Schema withStrings(Schema schema) {
        for (Schema.Field field : schema.getFields()) {
            if (plain(field.schema()).getType() == Schema.Type.STRING) {
                GenericData.setStringType(plain(field.schema()), GenericData.StringType.String);
            }
        }
        return schema;
    }
}
