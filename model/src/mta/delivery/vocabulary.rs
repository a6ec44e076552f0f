//! What goes into and comes out of the delivery machine.

use crate::mta::policy::TlsUse;
use crate::mta::session::Outcome;
use crate::mutant::Mutant;
use crate::scenario::Level;

/// A queued message for one recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub u32);

/// A host that mail can be sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub u8);

/// A next hop: a domain, or a fixed host, whose policy rules and whose name a certificate must prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HopId(pub u8);

/// What a session proved of its other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Proof {
    /// Nothing: it is in clear.
    Clear,
    /// TLS, with somebody.
    Encrypted,
    /// TLS, with a host whose certificate proves this next hop and no other.
    Authenticated(HopId),
}

/// A timer that the machine arms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// The gap of the retry schedule after this attempt (R5321-4.5.4.1-b).
    Retry {
        /// The job that waits.
        job: JobId,
        /// How many attempts it has had.
        attempts: u16,
    },
    /// The whole lifetime of a job, from its queueing (R5321-4.5.4.1-c): see [`super::lifetime`].
    Lifetime(JobId),
    /// How long a session that is kept for more mail may be idle: [`super::KEPT_FOR`].
    Kept(PeerId),
    /// How long it is remembered that TLS broke at this host (C-DG-12).
    TlsFailure(PeerId),
    /// The time after which the sender is warned of a delay. The driver starts it with the lifetime, if this host warns.
    Warning(JobId),
}

/// A fact that the driver hands to the machine.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Input {
    /// A message entered the queue.
    Queued {
        /// The job.
        job: JobId,
        /// Where it goes.
        next_hop: HopId,
        /// What this host is to the message. It decides nothing (SEED-13).
        role: Role,
    },
    /// A message was found in the queue when this host started: it had been accepted before (R5321-4.2.5-a).
    Restored {
        /// The job.
        job: JobId,
        /// Where it goes.
        next_hop: HopId,
        /// What this host is to the message.
        role: Role,
        /// How many attempts it had.
        attempts: u16,
        /// It was waiting for its next attempt, and waits on; else an attempt was cut short, and another begins.
        waits: bool,
    },
    /// The answer to [`Output::Resolve`].
    Resolved {
        /// The job.
        job: JobId,
        /// The local policy for its next hop, as it stands now.
        level: Level,
        /// Where its next hop is.
        route: Route,
    },
    /// The local policy for a job's next hop changed while the session of [`Output::Connect`] was being prepared; nothing
    /// was dialled. A policy that was raised must never meet a session planned under the old one.
    PolicyChanged {
        /// The job.
        job: JobId,
        /// The local policy for its next hop, as it stands now.
        level: Level,
    },
    /// The host of a session that is about to be dialled was found to have so many addresses, one for each try at it.
    Located {
        /// The job.
        job: JobId,
        /// How many.
        addresses: u8,
    },
    /// A session's handshake is complete.
    Secured(JobId),
    /// A session wished for TLS and does without it.
    WithoutTls(JobId),
    /// The session of a job stands open after the message was accepted and can take another.
    Kept {
        /// The job.
        job: JobId,
        /// What the session proved.
        proof: Proof,
    },
    /// A session has its result.
    Ended {
        /// The job.
        job: JobId,
        /// The result.
        outcome: Outcome,
    },
    /// A timer has run out.
    Expired(Timer),
}

/// What a host is to a message in its queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The message was handed in here, or is this host's own notification.
    Originator,
    /// Another host sent it.
    Relay,
}

/// Where a next hop is, as DNS or a fixed route has it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Route {
    /// Exchangers with their preferences; those of equal preference in the order to try them (R5321-5.1-c).
    Exchangers(Vec<(u16, PeerId)>),
    /// The domain does not exist.
    NoSuchDomain,
    /// The domain has a null MX: it takes no mail (R7505-3-a).
    NullMx,
    /// DNS did not say (R5321-5.1-a: queue).
    LookupFailed,
}

/// What the machine asks of its driver.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Output {
    /// An attempt begins: look up policy and exchangers; answer by [`Input::Resolved`].
    Resolve(JobId),
    /// Open a session: say [`Input::Located`], and answer by [`Input::Ended`], or by [`Input::PolicyChanged`] if the policy is no longer that of
    /// [`super::Delivery::level`].
    Connect {
        /// The job to send.
        job: JobId,
        /// The host to send it to.
        peer: PeerId,
        /// Which of its addresses to dial, in the order in which DNS gives them.
        address: u8,
        /// What the session must do about TLS.
        tls: TlsUse,
    },
    /// Send a message on the session that is kept open with this host; answer as to [`Output::Connect`].
    Reuse {
        /// The job to send.
        job: JobId,
        /// The host that the session is with.
        peer: PeerId,
    },
    /// End the session that is kept open with this host.
    HangUp(PeerId),
    /// Start this timer.
    Arm(Timer),
    /// The next hop took the message: the job is over.
    Sent(JobId),
    /// The attempt failed; there will be another.
    Deferred(JobId),
    /// The message is given back: the job is over.
    Bounced {
        /// The job.
        job: JobId,
        /// Why.
        cause: Cause,
    },
    /// Tell the reverse path of this job that it is delayed, unless that is null; once for each job (RFC 3464).
    Warn(JobId),
    /// Report the failure of this bounced job to its reverse path, unless that is null (R5321-6.1-a).
    Notify(JobId),
    /// Warn: this host used TLS before and does not now (SEED-10).
    Alarm(PeerId),
    /// Nothing more until the next input.
    Idle,
}

/// Why a message is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// A 5yz reply to the message.
    Refused,
    /// Its time is up.
    Expired,
    /// The domain does not exist.
    NoSuchDomain,
    /// The domain takes no mail.
    NullMx,
    /// This host is itself the best exchanger and not configured for it.
    LoopsBack,
}

/// What the machine is set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Settings {
    /// This host itself, as it may stand in an MX set.
    pub own: PeerId,
    /// Whether to remember TLS and to warn (RFC 3207 §6: MAY).
    pub alarms: bool,
    /// Whether a session is kept open for more mail to the same host.
    pub reuse: bool,
    /// Whether to remember for a while that TLS broke at a host, and to go in clear at once where TLS is not required.
    pub remembers_tls_failure: bool,
    /// How many sessions there may be with one host at the same time.
    pub sessions_per_host: u8,
    /// The one bug that it has, if any.
    pub mutant: Option<Mutant>,
}
