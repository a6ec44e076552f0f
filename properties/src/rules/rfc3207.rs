//! RFC 3207, SMTP over TLS.

rules! {
    Rfc3207:
    "R3207-2-a" "2" Prose Both:
        "The keyword STARTTLS has no parameters, and neither has the verb: STARTTLS with a parameter is answered 501 and begins nothing.";
    "R3207-3-a" "3" Prose Server:
        "STARTTLS is offered only while TLS can be negotiated, so the verb is answered 220 or 454 wherever it was offered.";
    "R3207-4-a" "4" Prose Server:
        "STARTTLS is answered 220, 501 or 454.";
    "R3207-4-b" "4" Prose Client:
        "What a client does after 454 follows from its own policy: go on in clear, try later, or give up.";
    "R3207-4-c" "4" MustNot Server:
        "A publicly referenced server requires STARTTLS in order to deliver mail locally.";
    "R3207-4-d" "4" May Server:
        "Any server may refuse to relay on the ground of what TLS proved of the client; one that is not publicly referenced may refuse all mail.";
    "R3207-4-e" "4" Should Server:
        "A server that is not publicly referenced and wants TLS first answers 530 to every command but NOOP, EHLO, STARTTLS and QUIT.";
    "R3207-4-f" "4" Must Client:
        "After 220 to STARTTLS the client starts the handshake before any other command.";
    "R3207-4-g" "4" Should Client:
        "A client that cannot start TLS after the 220 gives up the connection.";
    "R3207-4-h" "4" Must Both:
        "STARTTLS is the last command of a pipelined group; what stands behind it in clear is nobody's command.";
    "R3207-4.1-a" "4.1" Must Both:
        "Right after the handshake each side decides whether what was achieved is enough to go on.";
    "R3207-4.1-b" "4.1" Should Client:
        "A client for which the handshake did not achieve enough says QUIT at once.";
    "R3207-4.1-c" "4.1" Should Server:
        "A server for which the handshake did not achieve enough answers 554 to every command but QUIT. The thread grants this to no server that is listed (SEED-05).";
    "R3207-4.1-d" "4.1" Prose Client:
        "A client authenticates a server only by a certificate with the name that it thought it was connecting to: the next hop's, not one that came from DNS.";
    "R3207-4.1-e" "4.1" Prose Server:
        "A publicly referenced server takes any verifiable client certificate, and may tell of it in its Received line.";
    "R3207-4.2-a" "4.2" Must Server:
        "When the handshake is complete the server forgets all that it learnt from the client before.";
    "R3207-4.2-b" "4.2" Must Client:
        "When the handshake is complete the client forgets all that it learnt from the server before.";
    "R3207-4.2-c" "4.2" Should Client:
        "The client's first command inside TLS is EHLO.";
    "R3207-4.2-d" "4.2" May Server:
        "The extensions that are offered inside TLS may differ from those before it; the client goes by the later list.";
    "R3207-4.2-e" "4.2" Must Both:
        "Each side knows whether TLS is active.";
    "R3207-4.2-f" "4.2" MustNot Client:
        "A client says STARTTLS while TLS is active.";
    "R3207-4.2-g" "4.2" MustNot Server:
        "A server offers STARTTLS while TLS is active.";
    "R3207-6-a" "6" Must Both:
        "Client and server can be configured to require TLS of selected hosts before any message passes.";
    "R3207-6-b" "6" Should Client:
        "A client can be configured to use TLS whenever it is to be had.";
    "R3207-6-c" "6" May Client:
        "A client records that TLS was used with a peer and warns when a later session goes without.";
    "R3207-6-d" "6" Should Client:
        "After TLS failed the client tries again in later sessions until a timeout of its own, and only then returns the mail.";
    "R3207-6-e" "6" Must Both:
        "What was learnt before TLS is discarded once the handshake is complete.";
}
