//! RFC 7435, opportunistic security: what may be said of it.

rules! {
    Rfc7435:
    "R7435-3-d" "3" Prose Client:
        "Encryption that was not there, or was not authenticated, is not shown as more than it was, in logs either.";
}
