package example;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BinaryOperator;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;

/** Reads a canonical topic to its end and prints each event as JSON; of several records of one event the latest received holds. */
public final class ReadTopic {
    private static final String SERVERS = setting("SITEHUB_BOOTSTRAP_SERVERS", "127.0.0.1:19092");
    private static final String REGISTRY = setting("SITEHUB_REGISTRY_URL", "http://127.0.0.1:18081/apis/ccompat/v7");
    private static final Comparator<GenericRecord> AGE = Comparator.<GenericRecord, Long>comparing(
                    record -> (Long) record.get("received_at"))
            .thenComparing(record -> record.get("source_topic").toString())
            .thenComparing(record -> (Integer) record.get("source_partition"))
            .thenComparing(record -> (Long) record.get("source_offset"));

    private final HttpClient client = HttpClient.newHttpClient();
    private final Map<Integer, Schema> schemas = new HashMap<>();

    public static void main(String[] arguments) throws Exception {
        new ReadTopic().read(arguments[0]).values().forEach(System.out::println);
    }

    private Map<String, GenericRecord> read(String topic) throws IOException, InterruptedException {
        Map<String, Object> settings = Map.of(
                "bootstrap.servers", SERVERS, "isolation.level", "read_committed", "enable.auto.commit", "false");
        Map<String, GenericRecord> events = new LinkedHashMap<>();
        try (var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new ByteArrayDeserializer())) {
            List<TopicPartition> places = consumer.partitionsFor(topic).stream()
                    .map(place -> new TopicPartition(topic, place.partition()))
                    .toList();
            consumer.assign(places);
            consumer.seekToBeginning(places);
            Map<TopicPartition, Long> ends = consumer.endOffsets(places);
            while (places.stream().anyMatch(place -> consumer.position(place) < ends.get(place))) {
                for (var message : consumer.poll(Duration.ofMillis(500))) {
                    GenericRecord record = decoded(message.value());
                    events.merge(record.get("event_id").toString(), record, BinaryOperator.maxBy(AGE));
                }
            }
        }
        return events;
    }

    /** A value is a zero byte, four of the schema's id, and Avro. */
    private GenericRecord decoded(byte[] value) throws IOException, InterruptedException {
        ByteBuffer frame = ByteBuffer.wrap(value);
        if (frame.get() != 0) {
            throw new IOException("the value does not begin with 0");
        }
        Schema schema = schema(frame.getInt());
        var body = DecoderFactory.get().binaryDecoder(value, frame.position(), frame.remaining(), null);
        return new GenericDatumReader<GenericRecord>(schema).read(null, body);
    }

    private Schema schema(int id) throws IOException, InterruptedException {
        if (!schemas.containsKey(id)) {
            var question = HttpRequest.newBuilder(URI.create(REGISTRY + "/schemas/ids/" + id)).build();
            var answer = client.send(question, BodyHandlers.ofString());
            if (answer.statusCode() != 200) {
                throw new IOException("the registry answers " + answer.statusCode() + " for schema " + id);
            }
            String text = new ObjectMapper().readTree(answer.body()).get("schema").asText();
            schemas.put(id, new Schema.Parser().parse(text));
        }
        return schemas.get(id);
    }

    private static String setting(String name, String otherwise) {
        return System.getenv().getOrDefault(name, otherwise);
    }
}
