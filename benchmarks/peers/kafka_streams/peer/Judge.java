package peer;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;

/** Writes `quality` and `quality_notes` by the screening rules. */
final class Judge {
    private record Range(int position, String name, double least, double greatest) {}

    private record Order(int greater, int lesser, String[] names, double absolute, double relative) {}

    private final List<Range> ranges = new ArrayList<>();
    private final List<Order> orders = new ArrayList<>();
    private final Set<String> tested = new LinkedHashSet<>();
    private final int[] measured;
    private final int quality;
    private final int qualityNotes;
    private final Comparator<String> byField;

    Judge(JsonNode screening, Schema canonical) {
        screening.get("range").properties().forEach(entry -> {
            JsonNode bounds = entry.getValue();
            int position = canonical.getField(entry.getKey()).pos();
            ranges.add(new Range(position, entry.getKey(), bounds.get(0).asDouble(), bounds.get(1).asDouble()));
        });
        for (JsonNode order : screening.get("order")) {
            String[] names = {order.get(0).asText(), order.get(1).asText()};
            tested.addAll(List.of(names));
            orders.add(new Order(
                    canonical.getField(names[0]).pos(),
                    canonical.getField(names[1]).pos(),
                    names,
                    order.get(2).asDouble(),
                    order.get(3).asDouble()));
        }
        JsonNode names = screening.get("measured");
        measured = new int[names.size()];
        for (int at = 0; at < measured.length; at++) {
            measured[at] = canonical.getField(names.get(at).asText()).pos();
        }
        quality = canonical.getField("quality").pos();
        qualityNotes = canonical.getField("quality_notes").pos();
        byField = Comparator.comparingInt(note -> {
            Schema.Field field = canonical.getField(note.substring(0, note.indexOf('=')));
            return field == null ? Integer.MAX_VALUE : field.pos();
        });
    }

    void apply(GenericData.Record made, List<String> notes, boolean unknownKeys) {
        Set<String> failed = Set.of();
        for (Range range : ranges) {
            Double value = (Double) made.get(range.position);
            if (value != null && !(range.least <= value && value <= range.greatest)) {
                notes.add(range.name + "=range");
                failed = failed.isEmpty() ? new LinkedHashSet<>() : failed;
                failed.add(range.name);
            }
        }
        Set<String> disordered = Set.of();
        for (Order order : orders) {
            Double most = (Double) made.get(order.greater);
            Double least = (Double) made.get(order.lesser);
            if (most == null || least == null || least <= most + (most * order.relative + order.absolute)) {
                continue;
            }
            if (!failed.contains(order.names[0]) && !failed.contains(order.names[1])) {
                disordered = disordered.isEmpty() ? new LinkedHashSet<>() : disordered;
                disordered.addAll(List.of(order.names));
            }
        }
        for (String name : tested) {
            if (disordered.contains(name)) {
                notes.add(name + "=order");
            }
        }
        if (unknownKeys) {
            notes.add("json=unknown_keys");
        }
        int level = 0;
        if (!notes.isEmpty()) {
            notes.sort(byField);
            made.put(qualityNotes, String.join(";", notes));
            for (String note : notes) {
                level = Math.max(level, level(note.substring(note.indexOf('=') + 1)));
            }
        }
        made.put(quality, level > 0 ? level : isMeasured(made) ? 1 : 9);
    }

    private boolean isMeasured(GenericData.Record made) {
        for (int position : measured) {
            if (made.get(position) != null) {
                return true;
            }
        }
        return false;
    }

    private static int level(String note) {
        return switch (note) {
            case "range" -> 4;
            case "order", "twelve_hours" -> 3;
            default -> 0;
        };
    }
}
