package peer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.AutoOffsetReset;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.api.RecordMetadata;

/** The job on Kafka Streams: one source, one processor, a sink for each output topic; one stream thread. */
public final class Main {
    private static final int LARGEST = 4 << 20;

    public static void main(String[] arguments) throws Exception {
        JsonNode run = new ObjectMapper().readTree(new File(arguments[0]));
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, run.get("group").asText());
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, run.get("brokers").asText());
        settings.put(StreamsConfig.STATE_DIR_CONFIG, run.get("state").asText());
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
        if (run.get("guarantee").asText().equals("exactly_once")) {
            settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        }
        settings.put(
                StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), run.get("compression").asText());
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.MAX_REQUEST_SIZE_CONFIG), LARGEST);

        KafkaStreams streams = new KafkaStreams(topology(run), settings);
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            Runtime.getRuntime().halt(1);
            throw new AssertionError(error);
        });
        Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
        streams.start();
    }

    private static Topology topology(JsonNode run) {
        List<String> raw = new ArrayList<>();
        run.get("topics").fieldNames().forEachRemaining(raw::add);
        Topology topology = new Topology();
        topology.addSource(
                AutoOffsetReset.earliest(),
                "raw",
                new ByteArrayDeserializer(),
                new ByteArrayDeserializer(),
                raw.toArray(new String[0]));
        topology.addProcessor("normalise", () -> new Normalise(new Job(run)), "raw");
        for (String topic : new Job(run).outputs()) {
            topology.addSink(topic, topic, new ByteArraySerializer(), new ByteArraySerializer(), "normalise");
        }
        return topology;
    }

    /** Hands each upload to the job, and what it becomes to the sink of its topic. */
    private static final class Normalise extends ContextualProcessor<byte[], byte[], byte[], byte[]> {
        private final Job job;

        Normalise(Job job) {
            this.job = job;
        }

        @Override
        public void process(Record<byte[], byte[]> upload) {
            RecordMetadata at = context().recordMetadata().orElseThrow();
            Job.Output output = job.apply(at.topic(), at.partition(), at.offset(), upload);
            context().forward(output.upload(), output.topic());
        }
    }

    private Main() {}
}
