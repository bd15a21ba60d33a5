package peer;

/** An upload that cannot be taken: the reason and, where there is one, the canonical field. Carries no stack. */
final class Refused extends RuntimeException {
    final String reason;
    final String field;

    Refused(String reason, String field) {
        super(reason, null, false, false);
        this.reason = reason;
        this.field = field;
    }
}
