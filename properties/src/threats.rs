//! The attacks and faults that the catalogue names, each with what it is. Scenarios say which of them they show.

/// One attack or fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Threat {
    /// The stable id.
    pub id: &'static str,
    /// What happens, in a few words.
    pub text: &'static str,
}

macro_rules! threats {
    ($($id:literal: $text:literal;)*) => {
        /// Every attack and fault, family by family.
        pub const THREATS: &[Threat] = &[$(Threat { id: $id, text: $text },)*];
    };
}

threats! {
    "C-DG-1": "STARTTLS is deleted from the reply to EHLO";
    "C-DG-2": "STARTTLS is overwritten in place in the reply to EHLO";
    "C-DG-3": "the client's STARTTLS is turned into a command that the server does not know";
    "C-DG-4": "STARTTLS is answered 454 or another 4yz";
    "C-DG-5": "STARTTLS is answered 5yz";
    "C-DG-6": "STARTTLS is answered by a reply that makes no sense";
    "C-DG-7": "220, then garbage in place of the ServerHello";
    "C-DG-8": "220, then a TLS alert";
    "C-DG-9": "220, then the connection breaks; or it breaks in place of the reply";
    "C-DG-10": "220, then silence, or a handshake that drips";
    "C-DG-11": "EHLO is refused so that the client falls back to HELO; or the greeting refuses";
    "C-DG-12": "one broken handshake is to be remembered as “no TLS here”";
    "C-DG-13": "the TLS version or the cipher suite is forced down";
    "C-DG-14": "the attacker strips only where he has learnt that nothing is required";
    "C-DG-15": "the secure exchanger is put out of reach so that an insecure one is used";
    "C-DG-17": "other extensions are stripped before TLS";
    "C-DG-18": "the TLS session is killed in the middle of the content";
    "C-DG-19": "a connection is reused for mail that requires more than it proved";
    "C-INJ-1": "commands are injected behind the client's STARTTLS";
    "C-INJ-2": "replies are injected behind the server's 220";
    "C-INJ-3": "octets in clear are injected between the 220 and the handshake, at every cut";
    "C-INJ-4": "MAIL and RCPT come before STARTTLS, DATA after it";
    "C-INJ-6": "what was said before TLS is to be carried over";
    "C-SMUG-1": "a second message is smuggled behind a false end of data";
    "C-SMUG-3": "commands are pipelined behind a DATA that is refused";
    "C-CERT-1": "an expired certificate";
    "C-CERT-2": "a certificate that is not yet valid";
    "C-CERT-3": "a certificate for another name";
    "C-CERT-4": "a self-signed certificate";
    "C-CERT-5": "a certificate from an unknown authority";
    "C-CERT-6": "a certificate whose issuer's is not sent";
    "C-CERT-7": "a certificate with a common name only";
    "C-CERT-8": "certificates with wildcards";
    "C-CERT-9": "a certificate beyond its issuer's constraints";
    "C-CERT-10": "a revoked certificate";
    "C-CERT-11": "a weak key or signature";
    "C-CERT-12": "a certificate that depends on the server name indication";
    "C-CERT-13": "the attacker's own valid certificate for its own name";
    "C-DNS-1": "a forged MX record";
    "C-DNS-2": "MX lookups that are made to fail";
    "C-DNS-3": "a forged answer that there is no MX record";
    "C-DNS-4": "a forged null MX, or a forged answer that there is no such domain";
    "C-DNS-13": "addresses of one host that differ in reach or TLS";
    "C-DR-2": "a change of provider, in DNS first or in the configuration first";
    "C-DR-3": "a backup exchanger without TLS";
    "C-DR-4": "exchangers of one domain that differ in TLS";
    "C-DR-5": "TLS toggled at a server, or a restart without its certificate";
    "C-DR-9": "the sender's own drift: policy edited, memory lost in a restart, a clock step";
    "C-SRV-1": "a public server that demands TLS";
    "C-SRV-2": "answers that differ from one connection to the next";
    "C-SRV-3": "replies to EHLO that differ within one session";
    "C-SRV-4": "STARTTLS offered to some clients only";
    "C-SRV-5": "a ban or a tarpit after failed handshakes";
    "C-SRV-6": "a proxy that offers STARTTLS again inside TLS";
    "C-SRV-7": "554 to everything after TLS";
    "C-NET-1": "the reply to the final dot is lost";
    "C-NET-2": "the reply is lost and the retry goes by another level";
    "C-NET-3": "a TLS connection that ends without a farewell, after 250 or within a reply";
    "C-NET-4": "a TLS connection cut before the final dot";
    "C-NET-5": "segments cut at every octet";
    "C-NET-6": "a server that crashes around its 250";
    "C-BNC-2": "many notifications at once when a provider breaks";
    "C-BNC-3": "a notification that cannot be delivered";
}

/// The threats that no named scenario shows, each with the reason. A reason for one that is shown is an error.
pub const UNSHOWN: &[(&str, &str)] = &[(
    "C-CERT-11",
    "no signer that the testbed can use makes a key or a signature that weak, and rustls takes none",
)];

impl Threat {
    /// The threat of this id.
    pub fn of(id: &str) -> Option<&'static Self> {
        THREATS.iter().find(|threat| threat.id == id)
    }
}
