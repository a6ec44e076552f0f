//! RFC 3463, enhanced status codes: what a report must tell.

rules! {
    Rfc3463:
    "R3463-3.5-a" "3.5" Should Client:
        "When mail is given back because its time is over, the code of the actual problem is told rather than that of the time.";
}
