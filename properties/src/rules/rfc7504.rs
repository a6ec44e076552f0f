//! RFC 7504, the reply codes 521 and 556.

rules! {
    Rfc7504:
    "R7504-3/4" "3 and 4" Prose Client:
        "521 in place of the greeting says of this host that it takes no mail: the client goes on to the next exchanger, and does not return the mail for one such host alone.";
}
