package peer;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.streams.processor.api.Record;

/** The whole job, made from its file: every upload becomes one canonical or one quarantined record. */
final class Job {
    record Output(String topic, Record<byte[], byte[]> upload) {}

    private final Map<String, Dialect> dialects = new HashMap<>();
    private final Map<String, String> quarantines = new HashMap<>();
    private final String canonical;
    private final byte[] head;
    private final Schema schema;
    private final int sourceTopic;
    private final int sourcePartition;
    private final int sourceOffset;
    private final int province;
    private final int device;
    private final GenericDatumWriter<GenericRecord> writer;
    private final ByteArrayOutputStream out = new ByteArrayOutputStream(512);
    private BinaryEncoder encoder;

    Job(JsonNode run) {
        JsonNode target = run.get("canonical");
        String prefix = run.get("prefix").asText();
        canonical = prefix + target.get("topic").asText();
        head = ByteBuffer.allocate(5).put((byte) 0).putInt(target.get("schema_id").asInt()).array();
        schema = new Schema.Parser().parse(target.get("schema").toString());
        writer = new GenericDatumWriter<>(schema);
        sourceTopic = schema.getField("source_topic").pos();
        sourcePartition = schema.getField("source_partition").pos();
        sourceOffset = schema.getField("source_offset").pos();
        province = schema.getField("province").pos();
        device = schema.getField("device_code").pos();
        Registry registry = new Registry(run.get("registry").asText());
        run.get("topics").properties().forEach(entry -> {
            quarantines.put(entry.getKey(), prefix + entry.getValue().get("quarantine").asText());
            dialects.put(entry.getKey(), new Dialect(entry.getValue(), run, schema, registry));
        });
    }

    /** Every topic that the job writes to. */
    List<String> outputs() {
        List<String> topics = new ArrayList<>(quarantines.values());
        topics.add(canonical);
        return topics;
    }

    Output apply(String topic, int partition, long offset, Record<byte[], byte[]> upload) {
        GenericData.Record made;
        try {
            made = dialects.get(topic).canonical(upload.value(), upload.timestamp());
        } catch (Refused refused) {
            return new Output(quarantines.get(topic), refused(upload, refused, topic, partition, offset));
        }
        made.put(sourceTopic, topic);
        made.put(sourcePartition, partition);
        made.put(sourceOffset, offset);
        byte[] key = (made.get(province) + ":" + made.get(device)).getBytes(StandardCharsets.UTF_8);
        return new Output(canonical, new Record<>(key, encoded(made), upload.timestamp()));
    }

    private byte[] encoded(GenericRecord made) {
        out.reset();
        out.writeBytes(head);
        encoder = EncoderFactory.get().binaryEncoder(out, encoder);
        try {
            writer.write(made, encoder);
            encoder.flush();
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        return out.toByteArray();
    }

    private static Record<byte[], byte[]> refused(
            Record<byte[], byte[]> upload, Refused refused, String topic, int partition, long offset) {
        Headers headers = new RecordHeaders();
        add(headers, "sitehub.reason", refused.reason);
        if (refused.field != null) {
            add(headers, "sitehub.field", refused.field);
        }
        add(headers, "sitehub.source.topic", topic);
        add(headers, "sitehub.source.partition", Integer.toString(partition));
        add(headers, "sitehub.source.offset", Long.toString(offset));
        upload.headers().forEach(headers::add);
        return upload.withHeaders(headers);
    }

    private static void add(Headers headers, String name, String text) {
        headers.add(name, text.getBytes(StandardCharsets.UTF_8));
    }
}
