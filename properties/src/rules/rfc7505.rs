//! RFC 7505, null MX: a domain that takes no mail.

rules! {
    Rfc7505:
    "R7505-3-a" "3" Prose Client:
        "A single MX record with an empty exchanger says that the domain takes no mail: its mail is given back at once and nobody is dialled; beside other records it is an error of the zone that nobody is harmed by.";
    "R7505-4.1-a" "4.1" Should Both:
        "Mail refused for a null MX of the recipient's domain carries 556 and 5.1.10; for one of the sender's domain, 550 and 5.7.27.";
    "R7505-4.1-b" "4.1" Prose Client:
        "A null MX is known at the first attempt, so the mail does not wait in the queue.";
}
