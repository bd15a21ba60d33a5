package peer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;

/** Asks a Confluent-compatible registry for schemas by id. */
final class Registry {
    record Found(String schema, Set<String> subjects) {}

    private final HttpClient client = HttpClient.newHttpClient();
    private final ObjectMapper json = new ObjectMapper();
    private final String url;

    Registry(String url) {
        this.url = url;
    }

    /** Empty where the registry has no schema of this id. */
    Optional<Found> schema(int id) {
        JsonNode schema = get("/schemas/ids/" + id);
        if (schema == null) {
            return Optional.empty();
        }
        Set<String> subjects = new HashSet<>();
        get("/schemas/ids/" + id + "/versions").forEach(version -> subjects.add(version.get("subject").asText()));
        return Optional.of(new Found(schema.get("schema").asText(), subjects));
    }

    private JsonNode get(String path) {
        try {
            var response = client.send(HttpRequest.newBuilder(URI.create(url + path)).build(), BodyHandlers.ofString());
            if (response.statusCode() == 404) {
                return null;
            }
            if (response.statusCode() != 200) {
                throw new IllegalStateException("status " + response.statusCode() + " asking for " + path);
            }
            return json.readTree(response.body());
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        } catch (InterruptedException error) {
            throw new IllegalStateException(error);
        }
    }
}
