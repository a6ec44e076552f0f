//! What there is in a world, and how likely: drawn anew for every seed.

use postern_model::scenario::{Alert, Attack, Certificate, Hello, Level, OddReply, Phase, RetrySchedule, Trouble};

use super::draw::Draw;
use super::stories::Story;

/// How a world comes to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Everything that changed is put back, and no attack goes on: what is queued must get through.
    Calm,
    /// From some point on a next hop cannot be reached as its mail requires, until lifetimes run out.
    Siege,
    /// Things stay as they have come to be.
    AsItIs,
}

/// The shape of a recipient domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One to three mail exchangers of its own.
    Exchangers,
    /// No MX record: the host of the domain's own name (RFC 5321 §5.1).
    Implicit,
    /// A null MX: it takes no mail (RFC 7505).
    Closed,
    /// Listed exchangers, and a fixed route to another host that is not listed.
    Gate,
    /// A fixed route to a smart host that relays.
    Relayed,
    /// The exchangers of another domain.
    Hosted,
    /// Exchangers of its own, and a relay of the sender behind them, which finds itself listed (RFC 5321 §5.1).
    Fallback,
}

/// The weights of one world.
pub(super) struct Swarm {
    pub(super) shapes: Vec<(u32, Shape)>,
    pub(super) stories: Vec<(u32, Story)>,
    pub(super) attacks: Vec<(u32, Attack)>,
    /// The policies for the next hops that have one of their own.
    pub(super) levels: Vec<(u32, Level)>,
    /// The policies for all others.
    pub(super) default_levels: Vec<(u32, Level)>,
    pub(super) certificates: Vec<(u32, Certificate)>,
    pub(super) retries: Vec<(u32, RetrySchedule)>,
    pub(super) troubles: Vec<(u32, Trouble)>,
    /// How many of a hundred servers are in trouble from the start.
    pub(super) trouble_percent: u32,
    /// How many messages are submitted.
    pub(super) messages: usize,
    /// How many of a thousand servers offer TLS.
    pub(super) offers_tls_permille: u32,
    /// How many of a hundred listed exchangers are configured for their domain: of its own, and of another's.
    pub(super) configured_percent: (u32, u32),
    /// How many of a hundred messages go to a domain that does not exist.
    pub(super) nowhere_percent: u32,
    /// How many of a thousand paths to a host strip STARTTLS, from the start to the end.
    pub(super) stripped_paths_permille: u32,
    /// How many of a hundred servers wish to refuse mail without TLS.
    pub(super) demands_tls_percent: u32,
    /// How many of a hundred servers have a second address.
    pub(super) other_address_percent: u32,
    /// How many of a hundred recipients have a mailbox that is full or does not exist.
    pub(super) bad_mailbox_percent: u32,
    /// How many of a hundred steps fire at a protocol position.
    pub(super) position_percent: u32,
    /// Required TLS may be out of reach from the start.
    pub(super) hopeless: bool,
    /// Domains may have addresses of their own beside MX records, null MX by mistake, and exchangers that never accept mail.
    pub(super) odd_domains: bool,
    /// Somebody lies to resolvers.
    pub(super) forgery: bool,
    /// The first story, where there are messages enough for it: what would be told too rarely, or too late, otherwise.
    pub(super) opening: Option<Story>,
    /// What the sender sends in place of a standard hello, if anything.
    pub(super) hello: Option<Hello>,
    /// What the sender shows to servers that ask for a certificate, if anything.
    pub(super) client_certificate: Option<Certificate>,
    /// How many of a hundred servers know only some versions of TLS.
    pub(super) odd_versions_percent: u32,
    /// How many of a hundred servers are tarpits to whose handshake failed.
    pub(super) tarpit_percent: u32,
    pub(super) ending: Ending,
}

impl Swarm {
    pub(super) fn draw(draw: &mut Draw) -> Self {
        let ending = draw.weighted(&[(56, Ending::Calm), (28, Ending::Siege), (16, Ending::AsItIs)]);
        let opening = draw.weighted(OPENINGS);
        let demands_tls_percent = draw.weighted(&[(2, 0), (2, 30), (1, 80)]);
        Self {
            shapes: draw.some(SHAPES),
            stories: draw.some(Story::WEIGHTS),
            attacks: draw.some(ATTACKS),
            levels: draw.some(LEVELS),
            default_levels: DEFAULT_LEVELS.to_vec(),
            offers_tls_permille: 880,
            configured_percent: (93, 85),
            nowhere_percent: 1,
            stripped_paths_permille: 0,
            certificates: draw.some(CERTIFICATES),
            retries: RETRIES.to_vec(),
            troubles: draw.some(TROUBLES),
            trouble_percent: draw.weighted(&[(5, 0), (1, 30)]),
            messages: draw.weighted(&[(6, 1), (15, 2), (27, 3), (27, 4), (15, 5), (10, 6)]),
            demands_tls_percent: match opening {
                Some(Story::Listing) => 90,
                _ => demands_tls_percent,
            },
            other_address_percent: draw.weighted(&[(3, 0), (1, 40)]),
            bad_mailbox_percent: draw.weighted(&[(3, 0), (1, 20)]),
            position_percent: draw.weighted(&[(1, 0), (2, 30), (1, 80)]),
            hopeless: draw.percent(10),
            odd_domains: true,
            forgery: draw.percent(15),
            opening,
            hello: draw.percent(4).then(|| draw.weighted(HELLOS)),
            client_certificate: draw.percent(10).then(|| draw.weighted(CLIENT_CERTIFICATES)),
            odd_versions_percent: draw.weighted(&[(10, 0), (1, 40)]),
            tarpit_percent: draw.weighted(&[(3, 0), (1, 50)]),
            ending,
        }
    }
}

/// The attack with particulars of its own, where it has a number that any other would do as well for.
pub(super) fn with_particulars(attack: Attack, draw: &mut Draw) -> Attack {
    let mut up_to = |most| draw.between(0, most);
    match attack {
        // The record's header and the fixed part of a ClientHello, and some of its extensions.
        Attack::TamperHello(_) => Attack::TamperHello(narrow(up_to(160))),
        // Longer than what is injected with what stands before it, so that it is not cut at all now and then.
        Attack::InjectCommands(_) => Attack::InjectCommands(narrow(up_to(70))),
        Attack::InjectReplies(_) => Attack::InjectReplies(narrow(up_to(90))),
        // The flights of a handshake; toward the server a little of what comes after.
        Attack::InjectTowardServer(_) => Attack::InjectTowardServer(up_to(500)),
        Attack::InjectTowardClient(_) => Attack::InjectTowardClient(up_to(300)),
        // A session with a short message.
        Attack::CutClient(_) => Attack::CutClient(up_to(1500)),
        Attack::CutServer(_) => Attack::CutServer(up_to(1800)),
        Attack::Segments(_) => Attack::Segments(narrow(up_to(20)) + 1),
        attack => attack,
    }
}

fn narrow(number: u32) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

const SHAPES: &[(u32, Shape)] = &[
    (6, Shape::Exchangers),
    (2, Shape::Implicit),
    (1, Shape::Closed),
    (3, Shape::Gate),
    (2, Shape::Relayed),
    (2, Shape::Hosted),
    (1, Shape::Fallback),
];

const LEVELS: &[(u32, Level)] = &[
    (2, Level::None),
    (5, Level::May),
    (4, Level::Encrypt),
    (3, Level::Secure),
];

const DEFAULT_LEVELS: &[(u32, Level)] = &[
    (2, Level::None),
    (14, Level::May),
    (2, Level::Encrypt),
    (1, Level::Secure),
];

const CERTIFICATES: &[(u32, Certificate)] = &[
    (12, Certificate::Valid),
    (8, Certificate::HostNameOnly),
    (2, Certificate::Intermediate),
    (2, Certificate::Wildcard),
    (1, Certificate::Revoked),
    (1, Certificate::ByIndication),
    (1, Certificate::OtherNamesRefused),
    (1, Certificate::Expired),
    (1, Certificate::NotYetValid),
    (1, Certificate::WrongName),
    (3, Certificate::SelfSigned),
    (2, Certificate::UnknownAuthority),
    (1, Certificate::MissingIntermediate),
    (1, Certificate::CommonNameOnly),
    (1, Certificate::PartialWildcard),
    (1, Certificate::WideWildcard),
    (1, Certificate::NameConstraint),
    (1, Certificate::PathLength),
];

const OPENINGS: &[(u32, Option<Story>)] = &[
    (35, Some(Story::History)),
    (13, Some(Story::Injection)),
    (18, Some(Story::Listing)),
    (11, Some(Story::Reuse)),
    (6, Some(Story::Isolation)),
    (5, Some(Story::Unhappy)),
    (12, None),
];

const TROUBLES: &[(u32, Trouble)] = &[
    (1, Trouble::DemandsTlsOfAll),
    (2, Trouble::NodesDiffer),
    (2, Trouble::ListsDiffer),
    (1, Trouble::ListsLittle),
    (2, Trouble::OffersTlsToAcquaintances),
    (3, Trouble::OffersTlsInsideTls),
    (3, Trouble::UnhappyWithTls),
    (2, Trouble::NoCertificate),
];

const HELLOS: &[(u32, Hello)] = &[
    (1, Hello::NoIndication),
    (1, Hello::Sslv2),
    (1, Hello::Tls10),
    (1, Hello::Garbage),
];

const CLIENT_CERTIFICATES: &[(u32, Certificate)] = &[
    (2, Certificate::Valid),
    (1, Certificate::Expired),
    (1, Certificate::SelfSigned),
    (2, Certificate::UnknownAuthority),
];

/// The dense schedules are rare: a message that is tried to its lifetime costs as many sessions as its schedule has
/// attempts.
pub(super) const RETRIES: &[(u32, RetrySchedule)] = &[
    (50, RetrySchedule::Exim),
    (30, RetrySchedule::Rfc5321),
    (14, RetrySchedule::Opensmtpd),
    (4, RetrySchedule::Postfix),
    (1, RetrySchedule::Sendmail),
    (1, RetrySchedule::HalfHourly),
];

const ATTACKS: &[(u32, Attack)] = &[
    (6, Attack::StripStarttls),
    (3, Attack::OverwriteStarttls),
    (2, Attack::AnswerStarttls(454)),
    (1, Attack::AnswerStarttls(500)),
    (1, Attack::AnswerStarttls(502)),
    (1, Attack::AnswerStarttls(530)),
    (2, Attack::AnswerStarttls(554)),
    (2, Attack::StripExtensions),
    (2, Attack::AddExtensions),
    (3, Attack::StripWhereNothingIsRequired),
    (2, Attack::RefuseEhlo(500)),
    (1, Attack::RefuseEhlo(502)),
    (1, Attack::Greet(421)),
    (1, Attack::Greet(521)),
    (1, Attack::Greet(554)),
    (2, Attack::GarbleStarttls),
    (1, Attack::AnswerStarttlsOddly(OddReply::Completion)),
    (1, Attack::AnswerStarttlsOddly(OddReply::Intermediate)),
    (1, Attack::AnswerStarttlsOddly(OddReply::Preliminary)),
    (1, Attack::AnswerStarttlsOddly(OddReply::MultiLine)),
    (1, Attack::AnswerStarttlsOddly(OddReply::NotNumeric)),
    (1, Attack::AnswerStarttlsOddly(OddReply::OverLong)),
    (1, Attack::AnswerStarttlsOddly(OddReply::Nul)),
    (3, Attack::GarbageAfterGoAhead),
    (1, Attack::AlertAfterGoAhead(Alert::HandshakeFailure)),
    (1, Attack::AlertAfterGoAhead(Alert::ProtocolVersion)),
    (1, Attack::AlertAfterGoAhead(Alert::InternalError)),
    (1, Attack::AlertAfterGoAhead(Alert::UnrecognizedName)),
    (1, Attack::CloseAfterGoAhead),
    (1, Attack::ResetAfterGoAhead),
    (2, Attack::SwallowHandshake),
    (2, Attack::SlowHandshake),
    (2, Attack::TamperHello(0)),
    (2, Attack::CutClient(0)),
    (2, Attack::CutServer(0)),
    (2, Attack::Segments(1)),
    (1, Attack::WithholdReply(Phase::Connect)),
    (1, Attack::WithholdReply(Phase::Ehlo)),
    (1, Attack::WithholdReply(Phase::Starttls)),
    (1, Attack::WithholdReply(Phase::Mail)),
    (1, Attack::WithholdReply(Phase::Rcpt)),
    (1, Attack::WithholdReply(Phase::Data)),
    (1, Attack::WithholdReply(Phase::EndOfData)),
    (1, Attack::CloseAt(Phase::Ehlo)),
    (1, Attack::CloseAt(Phase::Starttls)),
    (1, Attack::CloseAt(Phase::Mail)),
    (1, Attack::CloseAt(Phase::Rcpt)),
    (1, Attack::CloseAt(Phase::Data)),
    (2, Attack::CloseAt(Phase::EndOfData)),
    (1, Attack::CloseAt(Phase::Quit)),
    (1, Attack::CloseInsteadOfReply(Phase::Ehlo)),
    (1, Attack::CloseInsteadOfReply(Phase::Starttls)),
    (1, Attack::CloseInsteadOfReply(Phase::Mail)),
    (1, Attack::CloseInsteadOfReply(Phase::Rcpt)),
    (1, Attack::CloseInsteadOfReply(Phase::Data)),
    (2, Attack::CloseInsteadOfReply(Phase::EndOfData)),
    (1, Attack::CloseInsteadOfReply(Phase::Quit)),
    (1, Attack::InterceptTls(Certificate::Expired)),
    (1, Attack::InterceptTls(Certificate::WrongName)),
    (2, Attack::InterceptTls(Certificate::SelfSigned)),
    (1, Attack::InterceptTls(Certificate::UnknownAuthority)),
    (1, Attack::InterceptTls(Certificate::WideWildcard)),
    (3, Attack::Refuse),
    (3, Attack::BlackHole),
];
