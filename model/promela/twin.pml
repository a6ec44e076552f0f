/*
 * A twin of the formal model, in another hand.
 *
 * It is written from the rules (RFC 3207, RFC 5321, and the thread of 2001 whose points are SEED-01 to SEED-17), not from the
 * delivery machine: nothing of that is copied, and nothing here names its stages. What both must agree on is the projection,
 * which docs/model.md tabulates: what somebody sees who looks at the queue, the hosts and the postmaster's mailbox while no
 * attempt is under way. `pan` prints it, one line for each state of that kind; equal states print equal lines.
 *
 * Who acts:
 *   message       one for each message: its attempts at delivery, as the sending MTA makes them
 *   surroundings  of each host: attackers on the paths to it, and what drifts at it, at any moment, on a budget
 *   household     of the sender: its policy and its lookups drift, and it crashes
 *   passage       of time, which moves only while no attempt is under way: answers take no time
 *   outsider      looks on, and prints what there is to see
 *
 * An attempt has three kinds of moment, between which anything may happen: the lookup; the dial of a host, up to where TLS
 * stands or does not; and the mail transaction. What a failure leads to belongs to the moment of the failure.
 *
 *   spin -DLEVEL=MAY -DHOSTS=2 -DATTACKS=1 -DDRIFTS=1 -o2 -a twin.pml && gcc -O2 -DNOREDUCE -DSAFETY -o pan pan.c
 *   ./pan -m100000 | sort -u
 */

/* What a run is about: see the table of bounds in docs/model.md. */
#ifndef HOSTS
#define HOSTS 1
#endif
#ifndef MESSAGES
#define MESSAGES 1
#endif
#ifndef ATTACKS
#define ATTACKS 0
#endif
#ifndef DRIFTS
#define DRIFTS 0
#endif
#ifndef RESTARTS
#define RESTARTS 0
#endif
#ifndef LEVEL
#define LEVEL MAY
#endif
/* The first host wishes to refuse mail without TLS. */
#ifndef DEMANDS
#define DEMANDS false
#endif
/* Attackers can make a host not answer at all. */
#ifndef BLACK_HOLES
#define BLACK_HOLES false
#endif
#ifndef MUTANT
#define MUTANT SOUND
#endif

/* The levels of the sender's policy for the next hop, each stricter than the one before (SEED-12, R3207-6-a). */
#define NONE 0
#define MAY 1
#define ENCRYPT 2
#define SECURE 3

/* What an attacker does on every path to a host, to connections that are dialled while it lasts. */
#define NOTHING 0
#define STRIP 1              /* removes STARTTLS from the reply to EHLO (C-DG-1) */
#define ANSWER_454 2         /* (C-DG-4) */
#define ANSWER_554 3         /* (C-DG-5) */
#define GARBAGE 4            /* 220, and no TLS behind it (C-DG-7) */
#define INTERCEPT 5          /* TLS, but with the attacker, whose certificate nobody vouches for */
#define CLOSE_AT_MAIL 6      /* in clear; inside TLS nobody on the path knows where the transaction is */
#define CLOSE_FOR_REPLY 7    /* in clear, in place of the reply to the final dot (C-NET-1) */
#define REFUSE 8             /* the connection itself */
#define BLACK_HOLE 9         /* nothing comes back from the host at all */

/* Where a message is. */
#define OUTSIDE 0
#define QUEUED 1
#define SENT 2
#define GIVEN_BACK 3

/* How a visit to a host went, as far as TLS goes. */
#define NOT_ASKED 0
#define NOT_OFFERED 1
#define REFUSED 2
#define BROKE 3
#define STANDS 4

/* Why a message is given back. */
#define EXPIRED 0
#define REFUSED_FOR_GOOD 1
#define NO_SUCH_DOMAIN 2

/* One bug each, named as in model/src/mutant.rs. */
#define SOUND 0
#define FALLS_BACK_TO_CLEAR 1
#define BOUNCES_WHEN_STARTTLS_VANISHES 2
#define REQUIRES_TLS_UNASKED 3
#define NEVER_TRIES_TLS 4
#define DEFERS_AFTER_BROKEN_HANDSHAKE 5
#define NEVER_ALARMS 6
#define ALWAYS_ALARMS 7
#define TRIES_ONLY_FIRST_EXCHANGER 8
#define WAITS_AFTER_TLS_FAILURE 9
#define IGNORES_PREFERENCE 10
#define BOUNCES_ON_SERVFAIL 11
#define RETRIES_AFTER_5YZ 12
#define RETRIES_AT_ONCE 13
#define DEMANDS_TLS_OF_LOCAL_MAIL 14
#define TAKES_FAILED_LOOKUP_FOR_UNLISTED 15

/* Minutes. A message is tried every half hour (R5321-4.5.4.1-b) and given back when its lifetime is over (R3207-6-d), which
 * is short here so that a few attempts fill it. */
#define GAP 30
#define LIFETIME 75
/* For how long a sender waits for a connection to stand. RFC 5321 names no figure; this is the one of the testbed. */
#define PATIENCE 2

/* ---- What an outsider sees ---------------------------------------------------------------------------------------- */

byte level = LEVEL;
bool lookups_fail;

/* Of each host, by preference, best first. All is well at the start; only what is not is kept. */
bool tls_is_off[HOSTS];
bool certificate_is_bad[HOSTS];
bool is_unconfigured[HOSTS];
bool is_unlisted[HOSTS];
bool own_lookups_fail[HOSTS];
byte attack[HOSTS];
bool attack_lasts[HOSTS];    /* to the end; else until time moves */

byte attacks_left = ATTACKS;
byte drifts_left = DRIFTS;
byte restarts_left = RESTARTS;

byte fate[MESSAGES];
byte expires_in[MESSAGES];
byte retries_in[MESSAGES];
byte hangs_for[MESSAGES];        /* a host was dialled that does not answer */
bool went_in_clear[MESSAGES];    /* content was sent in clear, accepted or not (C-NET-1) */
bool went_in_tls[MESSAGES];
bool alarm_was_raised[HOSTS];

/* ---- What only the sender knows ------------------------------------------------------------------------------------ */

bool is_under_way[MESSAGES];     /* an attempt is due or goes on */
bool gives_up[MESSAGES];         /* a host was waited for long enough */
bool is_cut_short[MESSAGES];     /* the attempt died in a crash */
bool was_tried_at_once[MESSAGES];   /* by the mutant that does so, which does it once */
bool tls_was_used[HOSTS];        /* in a session before (R3207-6-c, SEED-10) */

/* Of one message, of two, or of all. */
#if MESSAGES == 1
#define EVERY(what) (what(0))
#define ANY(what) (what(0))
#elif MESSAGES == 2
#define EVERY(what) (what(0) && what(1))
#define ANY(what) (what(0) || what(1))
#endif
#define RESTS(one) (!is_under_way[one])
#define IS_OVER(one) (fate[one] == SENT || fate[one] == GIVEN_BACK)
#define IS_QUEUED(one) (fate[one] == QUEUED)
#define GIVES_UP(one) (gives_up[one])

/* ---- The projection ------------------------------------------------------------------------------------------------ */

c_code {
	static void project(void)
	{
		static const char *levels[] = { "none", "may", "encrypt", "secure" };
		static const char *attacks[] = { "safe", "StripStarttls", "AnswerStarttls(454)", "AnswerStarttls(554)",
			"GarbageAfterGoAhead", "InterceptTls(UnknownAuthority)", "CloseAt(Mail)",
			"CloseInsteadOfReply(EndOfData)", "Refuse", "BlackHole" };
		static const char *fates[] = { "outside", "queued", "sent", "given-back" };
		static const char *content[] = { "unseen", "clear", "tls", "both" };
		int message, host;
		printf("state hop1=%s,%s ", levels[now.level], now.lookups_fail ? "fail" : "work");
		for (message = 0; message < MESSAGES; message++) {
			printf("m%d=%s", message + 1, now.hangs_for[message] ? "hangs" : fates[now.fate[message]]);
			if (now.fate[message] == QUEUED)
				printf(",%d,%d", now.expires_in[message],
					now.hangs_for[message] ? now.hangs_for[message] : now.retries_in[message]);
			printf(",%s ", content[now.went_in_clear[message] + 2 * now.went_in_tls[message]]);
		}
		for (host = 0; host < HOSTS; host++) {
			printf("mx%d=%s,%s,%s,%s,%s,%s", host + 1, now.tls_is_off[host] ? "off" : "tls",
				now.certificate_is_bad[host] ? "bad" : "good",
				now.is_unconfigured[host] ? "unconfigured" : "configured",
				now.is_unlisted[host] ? "unlisted" : "listed", now.own_lookups_fail[host] ? "fail" : "work",
				attacks[now.attack[host]]);
			if (now.attack[host] != NOTHING)
				printf(now.attack_lasts[host] ? ",ever" : ",moment");
			printf(now.alarm_was_raised[host] ? ",alarm " : ",silent ");
		}
		printf("left=%d/%d/%d\n", now.attacks_left, now.drifts_left, now.restarts_left);
	}

	static void violated(const char *property)
	{
		printf("violated %s\n", property);
	}
}

/* ---- What must never happen ---------------------------------------------------------------------------------------- */

#define MUST_HOLD(property, what) \
	if \
	:: what \
	:: else -> d_step { c_code { violated(property); }; assert(false) } \
	fi

/* Content goes out. P01: what is required is what the policy was when the session was planned. P04: where TLS is only
 * wished for, it is used if it is to be had (R3207-6-b). */
inline judge_content()
{
	MUST_HOLD("P01", planned_level < ENCRYPT || tls == STANDS);
	MUST_HOLD("P01", planned_level < SECURE || is_proved);
	MUST_HOLD("P04", planned_level != MAY || tls != NOT_ASKED)
}

/* A host is passed over because of TLS. P03: not unless TLS is required. P04: a try at TLS that was not required must not
 * lessen the chance of delivery (SEED-06). */
inline judge_passing_over_for_tls()
{
	MUST_HOLD("P03", planned_level >= ENCRYPT || tls == BROKE);
	MUST_HOLD("P04", planned_level >= ENCRYPT || tls != BROKE)
}

/* A message is given back. P02: only a refusal of the message itself, or an answer of DNS, ends it before its lifetime is
 * over. P41: a lookup that failed is no answer (R5321-5.1-a). */
inline judge_giving_back(why)
{
	MUST_HOLD("P02", why != EXPIRED || expires_in[_pid] == 0);
	MUST_HOLD("P02", why != REFUSED_FOR_GOOD || code >= 550);
	MUST_HOLD("P41", why != NO_SUCH_DOMAIN || !lookups_fail)
}

/* A session that wished for TLS has it or has it not. P10: the alarm is raised if, and only if, it was used before and is
 * not now. */
inline judge_alarm(is_raised)
{
	MUST_HOLD("P10", is_raised == (tls_was_used[host] && tls != STANDS && tls != NOT_ASKED))
}

/* A host is dialled. P15: none that is preferred to it is still to be tried (R5321-5.1-c). */
inline judge_order()
{
	MUST_HOLD("P15", (owed & ((1 << host) - 1)) == 0)
}

/* An attempt failed. P11 and, where TLS was the reason, P14: every host has had its turn (R5321-5.1-d). P40: a refusal for
 * good is not asked for again (R5321-4.2.1-a). */
inline judge_failure()
{
	MUST_HOLD("P14", owed == 0 || tls == NOT_ASKED || tls == STANDS);
	MUST_HOLD("P11", owed == 0);
	MUST_HOLD("P40", code < 550)
}

/* The next attempt is set. P42: no destination is tried again at once (R5321-4.5.4.1-a). */
inline judge_gap()
{
	MUST_HOLD("P42", retries_in[_pid] >= GAP)
}

/* A server answers RCPT. P06: as the chart of the thread has it (SEED-03). P07: a host that is listed and configured never
 * refuses for want of TLS (SEED-01). */
inline judge_recipient()
{
	MUST_HOLD("P07", code != 530 || is_unlisted[host] || is_unconfigured[host] || own_lookups_fail[host]);
	MUST_HOLD("P06", code != 530 || (is_unlisted[host] && !own_lookups_fail[host]));
	MUST_HOLD("P06", code != 451 || own_lookups_fail[host]);
	MUST_HOLD("P06", code != 250 || !is_unconfigured[host])
}

/* ---- The sending MTA ----------------------------------------------------------------------------------------------- */

/* What an attempt knew is of no use to the next: it is forgotten, so that equal states are one. */
inline forget()
{
	to_try = 0;
	owed = 0;
	host = 0;
	met = NOTHING;
	tls = NOT_ASKED;
	planned_level = NONE;
	is_retry_in_clear = false;
	is_proved = false;
	code = 0
}

inline attempt_is_over()
{
	is_under_way[_pid] = false;
	forget()
}

inline is_over_as(what)
{
	fate[_pid] = what;
	expires_in[_pid] = 0;
	retries_in[_pid] = 0;
	attempt_is_over()
}

inline give_back(why)
{
	judge_giving_back(why);
	is_over_as(GIVEN_BACK)
}

/* Another attempt after the gap; none once the lifetime is over, which is when the mail is returned (R3207-6-d). */
inline defer_or_expire()
{
	judge_failure();
	if
	:: expires_in[_pid] == 0 -> give_back(EXPIRED)
	:: else ->
		retries_in[_pid] = (MUTANT == RETRIES_AT_ONCE && !was_tried_at_once[_pid] -> 0 : GAP);
		was_tried_at_once[_pid] = MUTANT == RETRIES_AT_ONCE;
		judge_gap();
		attempt_is_over()
	fi
}

/* Where the mail goes, as DNS has it now. That an answer did not come is no answer: the mail waits (R5321-5.1-a). */
inline look_up()
{
	host = 0;
	do
	:: host < HOSTS ->
		if
		:: is_unlisted[host]
		:: else -> to_try = to_try | (1 << host)
		fi;
		host++
	:: else -> break
	od;
	host = 0;
	/* Each of them is owed a try. */
	owed = to_try;
	if
	:: MUTANT == TRIES_ONLY_FIRST_EXCHANGER && to_try != 0 -> to_try = to_try & (~(to_try - 1))
	:: else
	fi
}

/* The host of best preference among those that are left (R5321-5.1-c). Security never changes the order. */
inline choose_host()
{
	if
	:: MUTANT == IGNORES_PREFERENCE ->
		host = HOSTS - 1;
		do
		:: (to_try & (1 << host)) == 0 -> host--
		:: else -> break
		od
	:: else ->
		host = 0;
		do
		:: (to_try & (1 << host)) == 0 -> host++
		:: else -> break
		od
	fi;
	judge_order();
	to_try = to_try & (~(1 << host));
	owed = owed & (~(1 << host));
	is_retry_in_clear = false
}

/* RFC 3207 §6: the sender may record that TLS was used with a host, and warn if it is not in a later session. */
inline warn_if_it_vanished()
{
	is_vanished = tls_was_used[host] && tls != STANDS;
	if
	:: MUTANT == NEVER_ALARMS -> is_vanished = false
	:: MUTANT == ALWAYS_ALARMS -> is_vanished = tls != STANDS
	:: else
	fi;
	judge_alarm(is_vanished);
	alarm_was_raised[host] = alarm_was_raised[host] || is_vanished;
	is_vanished = false
}

/* A session up to where TLS stands or does not. The policy of this moment rules it (SEED-12): what was planned for a weaker
 * one must not go on under a stricter one. */
inline dial()
{
	planned_level = level;
	is_retry_in_clear = is_retry_in_clear && level < ENCRYPT;
	met = attack[host];
	is_proved = false;
	code = 0;
	if
	:: met == REFUSE || met == BLACK_HOLE || level == NONE || is_retry_in_clear ||
	   (MUTANT == NEVER_TRIES_TLS && level == MAY) ->
		/* In a retry the story of TLS at this host is that it broke. */
		tls = (is_retry_in_clear -> BROKE : NOT_ASKED)
	:: else ->
		if
		:: tls_is_off[host] || met == STRIP -> tls = NOT_OFFERED
		:: else ->
			if
			:: met == ANSWER_454 || met == ANSWER_554 -> tls = REFUSED
			/* Who is at the other end matters only where the policy says so (SEED-12, R7435-3-g). */
			:: met == GARBAGE || (level == SECURE && (certificate_is_bad[host] || met == INTERCEPT)) -> tls = BROKE
			:: else ->
				tls = STANDS;
				is_proved = !certificate_is_bad[host] && met != INTERCEPT
			fi
		fi;
		warn_if_it_vanished();
		tls_was_used[host] = tls_was_used[host] || tls == STANDS
	fi
}

/* What a receiving MTA answers to RCPT: the chart of SEED-03. Inside TLS, and where it is not demanded, only what the server
 * is configured for matters (SEED-02, SEED-16). */
inline answer_recipient()
{
	if
	:: tls == STANDS || !(DEMANDS && host == 0) -> code = (is_unconfigured[host] -> 550 : 250)
	:: else ->
		if
		/* The server does not know which row it is in (SEED-15). */
		:: own_lookups_fail[host] -> code = (MUTANT == TAKES_FAILED_LOOKUP_FOR_UNLISTED -> 530 : 451)
		:: else ->
			if
			:: is_unlisted[host] -> code = 530
			:: else -> code = (is_unconfigured[host] -> 550 : 250)
			fi;
			if
			:: MUTANT == DEMANDS_TLS_OF_LOCAL_MAIL && !is_unlisted[host] && !is_unconfigured[host] -> code = 530
			:: else
			fi
		fi
	fi;
	judge_recipient()
}

active [MESSAGES] proctype message()
{
	byte to_try;             /* hosts, a bit each: the first is the lowest */
	byte owed;               /* those that DNS listed and that had no turn yet, for the judges */
	byte host;
	byte met;                /* the attack that the session was dialled under */
	byte tls;
	byte planned_level;
	bool is_retry_in_clear;
	bool is_proved;
	bool is_vanished;
	short code;

	/* Handed in at any moment; m1 is the name of the first. */
	atomic {
		fate[_pid] == OUTSIDE && (_pid == 0 || fate[_pid - 1] != OUTSIDE) ->
		fate[_pid] = QUEUED;
		expires_in[_pid] = LIFETIME;
		is_under_way[_pid] = true
	};

again:
	{
		if
		:: is_under_way[_pid]
		:: fate[_pid] != QUEUED -> goto gone
		fi;

		atomic {
			retries_in[_pid] = 0;
			if
			:: lookups_fail ->
				if
				:: MUTANT == BOUNCES_ON_SERVFAIL -> give_back(NO_SUCH_DOMAIN); goto gone
				:: else -> defer_or_expire(); goto again
				fi
			:: else -> look_up()
			fi;
			if
			/* No exchanger, and the domain has no address of its own. */
			:: to_try == 0 -> give_back(NO_SUCH_DOMAIN); goto gone
			:: else
			fi;

			/* Every failed visit to a host leads here, in the same moment: an attempt ends with its last session. */
next_host:
			if
			:: to_try == 0 -> defer_or_expire(); goto again
			:: else -> choose_host()
			fi
		};

same_host:
		atomic {
			dial();
			if
			:: met == REFUSE -> goto next_host
			:: met == BLACK_HOLE ->
				hangs_for[_pid] = PATIENCE;
				is_under_way[_pid] = false;
				goto hangs
			:: met != REFUSE && met != BLACK_HOLE && (tls == STANDS || planned_level == NONE || is_retry_in_clear) -> skip
			:: else ->
				/* TLS was wished for and is not there, or was not asked for by a mutant. */
				if
				:: planned_level >= ENCRYPT || MUTANT == REQUIRES_TLS_UNASKED ->
					/* Next host, else it waits: the TLS may be back tomorrow (SEED-11, SEED-12). */
					if
					:: MUTANT == FALLS_BACK_TO_CLEAR -> skip
					:: MUTANT == BOUNCES_WHEN_STARTTLS_VANISHES && tls == NOT_OFFERED ->
						give_back(REFUSED_FOR_GOOD); goto gone
					:: MUTANT == WAITS_AFTER_TLS_FAILURE -> defer_or_expire(); goto again
					:: else -> judge_passing_over_for_tls(); goto next_host
					fi
				:: planned_level == MAY && tls == BROKE && MUTANT != REQUIRES_TLS_UNASKED ->
					/* Behind a 220 there is no way back into clear (R3207-4-g): the same host is dialled anew. */
					if
					:: MUTANT == DEFERS_AFTER_BROKEN_HANDSHAKE -> judge_passing_over_for_tls(); goto next_host
					:: else -> is_retry_in_clear = true; goto dials_again
					fi
				:: else ->
					/* On in clear, on the same session (R3207-4-b, R3207-6-b). */
					skip
				fi
			fi
		};

		atomic {
			if
			:: tls != STANDS && met == CLOSE_AT_MAIL -> goto next_host
			:: else -> answer_recipient()
			fi;
			if
			:: code == 250 ->
				judge_content();
				went_in_tls[_pid] = went_in_tls[_pid] || tls == STANDS;
				went_in_clear[_pid] = went_in_clear[_pid] || tls != STANDS;
				if
				/* Without the last reply the sender knows nothing: it must try again (RFC 1047). */
				:: tls != STANDS && met == CLOSE_FOR_REPLY -> goto next_host
				:: else -> is_over_as(SENT); goto gone
				fi
			/* The message is refused (R5321-4.2.1-a). */
			:: code == 550 ->
				if
				:: MUTANT == RETRIES_AFTER_5YZ -> to_try = 0; owed = 0; goto next_host
				:: else -> give_back(REFUSED_FOR_GOOD); goto gone
				fi
			/* 451 says not now; 530 is about the session and not about the message (SEED-04). */
			:: else -> goto next_host
			fi
		};

		/* One connection is closed and another dialled: in between anything may happen. */
dials_again:
		goto same_host;

		/* Nobody answers, and meanwhile time moves. */
hangs:
		atomic { gives_up[_pid] -> gives_up[_pid] = false; goto next_host }
	} unless {
		/* What is in stable storage is tried again at once where an attempt was cut short (R5321-4.2.5-a). */
		atomic {
			is_cut_short[_pid] ->
			is_cut_short[_pid] = false;
			forget();
			goto again
		}
	};
gone:
	skip
}

/* ---- What need not happen ------------------------------------------------------------------------------------------ */

/* Once all mail is gone nothing that happens matters any more. */
#define MATTERS !EVERY(IS_OVER)

/* A session that never came to be ends in the moment in which its time is out, as every session ends in its last moment. */
#define IN_BETWEEN !ANY(GIVES_UP)

/* On the paths to one host, and at the host itself. */
active [HOSTS] proctype surroundings() provided (IN_BETWEEN)
{
	byte host = _pid - MESSAGES;

end:
	do
	:: atomic {
		attacks_left > 0 && attack[host] == NOTHING && MATTERS ->
		attacks_left--;
		if
		:: attack[host] = STRIP
		:: attack[host] = ANSWER_454
		:: attack[host] = ANSWER_554
		:: attack[host] = GARBAGE
		:: attack[host] = INTERCEPT
		:: attack[host] = CLOSE_AT_MAIL
		:: attack[host] = CLOSE_FOR_REPLY
		:: attack[host] = REFUSE
		:: BLACK_HOLES -> attack[host] = BLACK_HOLE
		fi;
		if
		:: attack_lasts[host] = true
		:: attack_lasts[host] = false
		fi
	}
	:: atomic {
		drifts_left > 0 && MATTERS ->
		drifts_left--;
		if
		:: tls_is_off[host] = !tls_is_off[host]
		:: certificate_is_bad[host] = !certificate_is_bad[host]
		:: is_unconfigured[host] = !is_unconfigured[host]
		:: is_unlisted[host] = !is_unlisted[host]
		:: own_lookups_fail[host] = !own_lookups_fail[host]
		fi
	}
	od
}

/* At the sender. */
active proctype household() provided (IN_BETWEEN)
{
	byte place;

end:
	do
	:: atomic {
		drifts_left > 0 && MATTERS ->
		drifts_left--;
		if
		:: lookups_fail = !lookups_fail
		:: level != NONE -> level = NONE
		:: level != MAY -> level = MAY
		:: level != ENCRYPT -> level = ENCRYPT
		:: level != SECURE -> level = SECURE
		fi
	}
	/* A crash, and a start right after: what is in memory is gone, and the queue is not (C-DR-9). */
	:: d_step {
		restarts_left > 0 && ANY(IS_QUEUED) ->
		restarts_left--;
		for (place : 0 .. HOSTS - 1) {
			tls_was_used[place] = false
		};
		for (place : 0 .. MESSAGES - 1) {
			is_cut_short[place] = is_under_way[place] || hangs_for[place] > 0;
			is_under_way[place] = is_cut_short[place];
			hangs_for[place] = 0
		};
		place = 0
	}
	od
}

/* Time goes to the next moment at which something is due, while no attempt is under way. */
#define SOONER(one, other) (one < other -> one : other)

active proctype passage()
{
	byte place;
	byte next;

end:
	do
	:: d_step {
		EVERY(RESTS) && ANY(IS_QUEUED) ->
		next = LIFETIME;
		for (place : 0 .. MESSAGES - 1) {
			if
			:: fate[place] == QUEUED && hangs_for[place] == 0 -> next = SOONER(retries_in[place], next)
			:: fate[place] == QUEUED && hangs_for[place] > 0 -> next = SOONER(hangs_for[place], next)
			:: else
			fi;
			if
			:: fate[place] == QUEUED && expires_in[place] > 0 -> next = SOONER(expires_in[place], next)
			:: else
			fi
		};
		for (place : 0 .. MESSAGES - 1) {
			if
			:: fate[place] == QUEUED && hangs_for[place] > 0 ->
				/* The end of the lifetime finds an attempt under way, which is thereby the last. */
				expires_in[place] = (expires_in[place] > next -> expires_in[place] - next : 0);
				hangs_for[place] = hangs_for[place] - next;
				is_under_way[place] = hangs_for[place] == 0;
				gives_up[place] = is_under_way[place]
			:: fate[place] == QUEUED && hangs_for[place] == 0 ->
				/* The end of the lifetime brings one last attempt, whatever the schedule says. */
				expires_in[place] = expires_in[place] - next;
				retries_in[place] = retries_in[place] - next;
				is_under_way[place] = expires_in[place] == 0 || retries_in[place] == 0
			:: else
			fi
		};
		/* An attack of a moment lasts until time moves. */
		for (place : 0 .. HOSTS - 1) {
			if
			:: next > 0 && !attack_lasts[place] -> attack[place] = NOTHING
			:: else
			fi
		};
		place = 0;
		next = 0
	}
	od
}

/* Looks on, while no attempt is under way, and changes nothing. So every state of that kind is printed. It is a process of its
 * own because C code inside the atomic sequences above made the verifier of SPIN 6.5.2 lose states. */
active proctype outsider()
{
end:
	do
	:: d_step { EVERY(RESTS) -> c_code { project(); } }
	od
}
