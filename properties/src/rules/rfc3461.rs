//! RFC 3461, what a sender asks about notifications: when they come, and what they call the message.

rules! {
    Rfc3461:
    "R3461-4.1-a" "4.1, 5.2.2, 5.2.6" MustNot Both:
        "A sender who said NOTIFY=NEVER is notified under no conditions, and one whose NOTIFY does not name FAILURE is not notified of a failure.";
    "R3461-5.2.1-a" "5.2.1" Must Both:
        "To a next hop that offers DSN a relay passes a message on with the ENVID, the RET, the NOTIFY and the ORCPT that it came with, and with none where it came with none; only the recipient itself may be added, as ORCPT.";
    "R3461-5.2.2-a" "5.2.2" MustNot Client:
        "Where DSN is not offered, none of its parameters is sent.";
    "R3461-5.2.5-c" "5.2.5" MustNot Both:
        "A sender whose NOTIFY does not name DELAY is not notified of a delay.";
    "R3461-6.3-a" "6.3" Must Both:
        "A notification names the envelope id that the message came with, decoded, and none where it came with none.";
}
