package peer;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.DateTimeException;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;

/** How each canonical field is made of an upload: one function a field, made once from the job's file. */
final class Fields {
    /** The value of one canonical field; throws Refused, adds notes. */
    interface Field {
        Object apply(GenericRecord upload, long received, List<String> notes);
    }

    private interface Said {
        Object of(GenericRecord upload);
    }

    private interface Make {
        Object of(Object said, long received, List<String> notes);
    }

    private static final Pattern PROJECT_CODE = Pattern.compile("[1-8][0-9]{15}");
    private static final Pattern MINUTE = Pattern.compile(
            "[1-9][0-9]{3}-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-5][0-9]");
    private static final Pattern DAY = Pattern.compile("[1-9][0-9]{3}-[01][0-9]-[0-3][0-9]");
    private static final Pattern COMPACT = Pattern.compile("[1-9][0-9]{3}[01][0-9][0-3][0-9][0-2][0-9][0-5][0-9][0-5][0-9]");
    private static final int CODE_LENGTH = 128;
    private static final long EARLIEST = LocalDateTime.of(2010, 1, 1, 0, 0).toEpochSecond(ZoneOffset.UTC) * 1000;
    private static final long TEN_MINUTES = 600_000;
    private static final long TWELVE_HOURS = 43_200_000;
    private static final ZoneOffset SHANGHAI = ZoneOffset.ofHours(8);

    static Field field(Schema.Field target, JsonNode rule, Schema raw, Set<String> absent) {
        String name = target.name();
        Schema.Type type = Dialect.plain(target.schema()).getType();
        if (!rule.get("const").isNull()) {
            String constant = rule.get("const").asText();
            return (upload, received, notes) -> constant;
        }
        boolean numeric = true;
        for (String source : rawFields(rule)) {
            numeric &= Dialect.plain(raw.getField(source).schema()).getType() != Schema.Type.STRING;
        }
        boolean asText = type == Schema.Type.STRING || !rule.get("codes").isNull() || !numeric;
        Said said = said(rule, raw, absent, asText);
        Make make = make(name, type, rule, numeric, asText);
        boolean required = rule.get("required").asBoolean();
        String missing = rule.get("absent").isNull() ? null : rule.get("absent").asText();
        return (upload, received, notes) -> {
            Object text = said.of(upload);
            if (text != null) {
                return make.of(text, received, notes);
            }
            if (required) {
                throw new Refused("missing_field", name);
            }
            return missing;
        };
    }

    private static Make make(String name, Schema.Type type, JsonNode rule, boolean numeric, boolean asText) {
        if (!rule.get("codes").isNull()) {
            return code(name, rule, type);
        }
        if (!rule.get("identifier").isNull()) {
            return (said, received, notes) -> {
                if (!PROJECT_CODE.matcher((String) said).matches()) {
                    throw new Refused("bad_identifier", name);
                }
                return said;
            };
        }
        if (!rule.get("by_format").isEmpty()) {
            return byFormat(name, rule.get("by_format"));
        }
        if (!rule.get("time").isEmpty()) {
            return observed(name, texts(rule.get("time")), numeric);
        }
        if (type == Schema.Type.STRING) {
            return (said, received, notes) -> text(name, (String) said);
        }
        return number(name, type, rule, asText);
    }

    private static Said said(JsonNode rule, Schema raw, Set<String> absent, boolean asText) {
        if (!rule.get("compose").isEmpty()) {
            List<Said> parts = new ArrayList<>();
            for (String part : texts(rule.get("compose"))) {
                boolean isField = part.startsWith("{");
                parts.add(isField ? source(part.substring(1, part.length() - 1), raw, absent, true) : upload -> part);
            }
            return upload -> {
                StringBuilder text = new StringBuilder();
                for (Said part : parts) {
                    Object said = part.of(upload);
                    if (said == null) {
                        return null;
                    }
                    text.append(said);
                }
                return text.toString();
            };
        }
        List<Said> sources = new ArrayList<>();
        for (String name : texts(rule.get("sources"))) {
            sources.add(source(name, raw, absent, asText));
        }
        Said first = sources.get(0);
        if (sources.size() == 1) {
            return first;
        }
        return upload -> {
            for (Said each : sources) {
                Object said = each.of(upload);
                if (said != null) {
                    return said;
                }
            }
            return null;
        };
    }

    private static Said source(String name, Schema raw, Set<String> absent, boolean asText) {
        Schema.Field field = raw.getField(name);
        int position = field.pos();
        if (!asText) {
            return upload -> upload.get(position);
        }
        if (Dialect.plain(field.schema()).getType() != Schema.Type.STRING) {
            return upload -> {
                Object said = upload.get(position);
                return said == null ? null : said.toString();
            };
        }
        return upload -> {
            String said = (String) upload.get(position);
            if (said == null) {
                return null;
            }
            said = said.strip();
            return absent.contains(said) ? null : said;
        };
    }

    private static Make number(String name, Schema.Type type, JsonNode rule, boolean isText) {
        Set<Double> sentinels = new HashSet<>();
        rule.get("sentinels").forEach(each -> sentinels.add(each.asDouble()));
        Map<Double, Double> alias = new HashMap<>();
        rule.get("alias").forEach(pair -> alias.put(pair.get(0).asDouble(), pair.get(1).asDouble()));
        double factor = rule.get("factor").asDouble();
        double offset = rule.get("offset").asDouble();
        String note = name + "=sentinel";
        return (said, received, notes) -> {
            if (isText && !isNumber((String) said)) {
                throw new Refused("bad_number", name);
            }
            double value = isText ? Double.parseDouble((String) said) : ((Number) said).doubleValue();
            if (sentinels.contains(value)) {
                notes.add(note);
                return null;
            }
            if (!alias.isEmpty()) {
                value = alias.getOrDefault(value, value);
            }
            value = factor == 1 ? value : value * factor;
            value = offset == 0 ? value : value + offset;
            if (!Double.isFinite(value)) {
                throw new Refused("bad_number", name);
            }
            if (type == Schema.Type.DOUBLE) {
                return value;
            }
            if (value != Math.rint(value) || value < Integer.MIN_VALUE || value > Integer.MAX_VALUE) {
                throw new Refused("bad_number", name);
            }
            return (int) value;
        };
    }

    private static Make code(String name, JsonNode rule, Schema.Type type) {
        Map<String, Object> table = new HashMap<>();
        rule.get("codes").properties().forEach(entry -> {
            JsonNode meant = entry.getValue();
            table.put(entry.getKey(), type == Schema.Type.DOUBLE ? (Object) meant.asDouble() : meant.asText());
        });
        boolean isNoted = rule.get("unknown").asText().equals("note");
        String note = name + "=unknown_code";
        return (said, received, notes) -> {
            Object found = table.get(said);
            if (found == null) {
                if (!isNoted) {
                    throw new Refused("bad_code", name);
                }
                notes.add(note);
            }
            return found;
        };
    }

    private static String text(String name, String said) {
        if (name.endsWith("_code") || name.endsWith("_no")) {
            if (said.codePointCount(0, said.length()) > CODE_LENGTH || said.chars().anyMatch(Character::isISOControl)) {
                throw new Refused("bad_identifier", name);
            }
        } else if (said.indexOf('\0') >= 0) {
            throw new Refused("undecodable", name);
        }
        return said;
    }

    private static Make byFormat(String name, JsonNode forms) {
        String minute = forms.get("yyyy-MM-dd HH:mm:ss").asText();
        String day = forms.get("yyyy-MM-dd").asText();
        return (said, received, notes) -> {
            if (MINUTE.matcher((String) said).matches()) {
                return minute;
            }
            if (DAY.matcher((String) said).matches()) {
                return day;
            }
            throw new Refused("bad_time", name);
        };
    }

    private static Make observed(String name, List<String> forms, boolean numeric) {
        String note = name + "=twelve_hours";
        return (said, received, notes) -> {
            long instant = -1;
            if (numeric) {
                long number = ((Number) said).longValue();
                instant = number >= 1_000_000_000_000L && number < 10_000_000_000_000L ? number : -1;
            } else {
                for (int at = 0; at < forms.size() && instant < 0; at++) {
                    instant = instant((String) said, forms.get(at));
                }
            }
            if (instant < EARLIEST) {
                throw new Refused("bad_time", name);
            }
            boolean clocked = numeric || ((String) said).length() != 10 || ((String) said).charAt(4) != '-';
            long ahead = instant - received;
            if (clocked && Math.abs(Math.abs(ahead) - TWELVE_HOURS) <= TEN_MINUTES) {
                notes.add(note);
            } else if (ahead > TEN_MINUTES) {
                throw new Refused("future_time", name);
            }
            return instant;
        };
    }

    /** Epoch milliseconds, -1 where the text is of another form or no date of the calendar. */
    private static long instant(String said, String form) {
        try {
            return switch (form) {
                case "epoch_s" -> isDigits(said, 10) ? Long.parseLong(said) * 1000 : -1;
                case "epoch_ms" -> isDigits(said, 13) ? Long.parseLong(said) : -1;
                case "yyyyMMddHHmmss" -> COMPACT.matcher(said).matches() ? local(said, 4, 6, 8, 10, 12) : -1;
                case "yyyy-MM-dd HH:mm:ss" -> MINUTE.matcher(said).matches() ? local(said, 5, 8, 11, 14, 17) : -1;
                case "yyyy-MM-dd" -> DAY.matcher(said).matches() ? local(said + " 00:00:00", 5, 8, 11, 14, 17) : -1;
                default -> throw new IllegalArgumentException(form);
            };
        } catch (DateTimeException none) {
            return -1;
        }
    }

    private static long local(String said, int month, int day, int hour, int minute, int second) {
        LocalDateTime time = LocalDateTime.of(
                Integer.parseInt(said, 0, 4, 10), two(said, month), two(said, day), two(said, hour), two(said, minute), two(said, second));
        return time.toEpochSecond(SHANGHAI) * 1000;
    }

    private static int two(String said, int at) {
        return Integer.parseInt(said, at, at + 2, 10);
    }

    private static boolean isDigits(String said, int length) {
        return said.length() == length && said.chars().allMatch(each -> each >= '0' && each <= '9');
    }

    /** Sign, digits with at most one point, exponent; digits 0 to 9 only. */
    private static boolean isNumber(String said) {
        int at = 0;
        int end = said.length();
        if (at < end && (said.charAt(at) == '+' || said.charAt(at) == '-')) {
            at++;
        }
        int digits = 0;
        boolean point = false;
        for (; at < end; at++) {
            char each = said.charAt(at);
            if (each >= '0' && each <= '9') {
                digits++;
            } else if (each == '.' && !point) {
                point = true;
            } else {
                break;
            }
        }
        if (digits == 0) {
            return false;
        }
        if (at == end) {
            return true;
        }
        if (said.charAt(at) != 'e' && said.charAt(at) != 'E') {
            return false;
        }
        at++;
        if (at < end && (said.charAt(at) == '+' || said.charAt(at) == '-')) {
            at++;
        }
        return at < end && said.chars().skip(at).allMatch(each -> each >= '0' && each <= '9');
    }

    private static List<String> rawFields(JsonNode rule) {
        List<String> found = texts(rule.get("sources"));
        for (String part : texts(rule.get("compose"))) {
            if (part.startsWith("{")) {
                found.add(part.substring(1, part.length() - 1));
            }
        }
        return found;
    }

    private static List<String> texts(JsonNode list) {
        List<String> found = new ArrayList<>();
        list.forEach(each -> found.add(each.asText()));
        return found;
    }

    private Fields() {}
}
