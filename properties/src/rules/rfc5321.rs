//! RFC 5321, SMTP: the parts on which TLS and retries lean.

rules! {
    Rfc5321:
    "R5321-2.3.8-a" "2.3.8" MustNot Both:
        "CR or LF stands anywhere but in the CRLF that ends a line: a server ends a line at nothing else, and a client sends them as nothing else, whatever was handed in.";
    "R5321-3.6.2-a" "3.6.2" Should Server:
        "A server that declines to relay answers 550.";
    "R5321-3.6.3-a" "3.6.3" Must Both:
        "A relay that cannot deliver what it accepted sends a notification to the reverse path, and none about a notification.";
    "R5321-3.6.3-b" "3.6.3" MustNot Both:
        "A relay changes the header or the body of a message, but for its own trace line.";
    "R5321-4.1.1.4-a" "4.1.1.4" MustNot Server:
        "Anything but CRLF.CRLF is taken for the end of data.";
    "R5321-4.2.1-a" "4.2.1" Should Client:
        "After 4yz the client tries again; after 5yz it does not repeat that request.";
    "R5321-4.2.4-a" "4.2.4" MustNot Server:
        "A capability that was offered to EHLO is answered 500 or 502.";
    "R5321-4.2.5-a" "4.2.5" Prose Both:
        "2yz to the end of data, and nothing else, passes the responsibility for the message, to deliver it, to retry, or to notify, from the client, which has it until it hears that and not after, to the server.";
    "R5321-4.2.5-b" "4.2.5" MustNot Server:
        "A message is delivered although its end of data was answered 4yz or 5yz.";
    "R5321-4.3.1-a" "4.3.1" Must Client:
        "The client waits for each reply before it sends the next command, unless PIPELINING was offered.";
    "R5321-4.5.3.2-a" "4.5.3.2" Should Both:
        "Nobody hangs up sooner than the time that the other side is granted for each step.";
    "R5321-4.5.4-f" "4.5.4" MustNot Client:
        "An error message is sent in response to an error message.";
    "R5321-4.5.4.1-a" "4.5.4.1" Must Client:
        "Mail that cannot be sent now is queued and tried again, after a delay.";
    "R5321-4.5.4.1-b" "4.5.4.1" Should Client:
        "In general half an hour or more lies between two tries at a destination; a cleverer strategy may vary that.";
    "R5321-4.5.4.1-c" "4.5.4.1" Prose Client:
        "Retries go on until the message is sent or its give-up time, generally at least 4 to 5 days, is over.";
    "R5321-4.5.4.1-d" "4.5.4.1" Must Client:
        "The parameters of the retries can be configured.";
    "R5321-4.5.4.1-e" "4.5.4.1" MustNot Client:
        "A negative answer of a host is remembered against later mail.";
    "R5321-4.5.5-a" "4.5.5" ShouldNot Both:
        "A message with a null reverse path is answered, or its path replaced by another.";
    "R5321-5.1-a" "5.1" Must Client:
        "Mail goes where DNS says: an error for a domain that does not exist, the queue when DNS does not say, the implicit MX where there is no record.";
    "R5321-5.1-b" "5.1" MustNot Client:
        "A domain's own address is used although it has MX records.";
    "R5321-5.1-c" "5.1" Must Client:
        "Exchangers are tried by preference, and equals in random order.";
    "R5321-5.1-d" "5.1" Must Client:
        "A client is able to try each exchanger of the next hop, and each address of it, in order until one takes the message.";
    "R5321-5.1-e" "5.1" Must Client:
        "A relay that finds itself among the exchangers drops itself and all that are no better; if none is left the mail is undeliverable.";
    "R5321-5.1-f" "5.1" Prose Publisher:
        "The exchanger that an MX record names has an address of its own, and is not an alias.";
    "R5321-6.1-a" "6.1" Must Server:
        "Whoever accepted a message and cannot deliver it notifies its reverse path, from the null reverse path, once.";
    "R5321-6.1-b" "6.1" Must Server:
        "A server seeks to answer the end of data in as little time as it can, so that no client gives up waiting and the message comes twice.";
}
