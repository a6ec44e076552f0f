//! The last-call thread of July 2001 (SEED-*): what it argues for, whether or not RFC 3207 took it.

rules! {
    Thread2001:
    "SEED-01" "1" Argued Server:
        "A server that is listed and configured as exchanger of a domain does not require STARTTLS to deliver that domain's mail.";
    "SEED-02" "1" Argued Server:
        "Being listed in DNS obliges a server to nothing: it takes mail only as configured exchanger or as willing relay.";
    "SEED-03" "1" Argued Server:
        "What a server that wishes for TLS answers to RCPT without TLS depends on whether it is listed and whether it is configured for the domain, by the chart.";
    "SEED-04" "1" Argued Server:
        "After 530 the session goes on: the client may say STARTTLS on the same connection, and the server honours it.";
    "SEED-05" "2" Argued Server:
        "A client's attempt at STARTTLS, even a failed one, does not make a server refuse mail that it would have taken without.";
    "SEED-06" "2" Argued Client:
        "A client that tries TLS, with nothing required, delivers whatever it would have delivered without trying.";
    "SEED-07" "1" Argued Server:
        "A server forwards mail that is not local only for those whom it is willing to relay for, by the identity that TLS proved on this very connection.";
    "SEED-08" "3" Argued Both:
        "A server that offers STARTTLS takes every standard ClientHello of its versions, or answers it by a clean alert; a client that says STARTTLS sends a standard ClientHello.";
    "SEED-09" "3" Argued Server:
        "A hello that the server cannot use ends in an alert and an orderly close, and the same peer's next plain connection is served at once.";
    "SEED-10" "4" Argued Client:
        "A client may remember that a server offered TLS and raise an alarm when a later session goes without.";
    "SEED-11" "4" Argued Client:
        "Lack of TLS does not bounce mail, and past TLS says nothing about the future.";
    "SEED-12" "4" Argued Client:
        "A client that is told to insist on TLS sends nothing without it, tries on, and returns the mail only when its time is over.";
    "SEED-13" "4" Argued Client:
        "What a client may refuse for want of TLS follows from its explicit configuration, whether it originates or relays.";
    "SEED-14" "4" Argued Client:
        "What justifies mandatory TLS is an agreement in advance, as inside one administrative domain: only explicit policy makes a client require it of a next hop, and of a next hop that no policy names it requires none.";
    "SEED-15" "1" Argued Server:
        "A server knows whether it is listed by looking up the domain's exchangers; a lookup that failed says neither yes nor no.";
    "SEED-16" "1" Argued Server:
        "When DNS and the configuration of a server disagree, its answer has nothing to do with TLS.";
    "SEED-17" "4" Argued Client:
        "A client does not fall back to an insecure path when it knows that a secure one is supposed to be there.";
}
