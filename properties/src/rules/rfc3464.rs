//! RFC 3464, delivery status notifications: what each field says.

rules! {
    Rfc3464:
    "R3464-2.3.4-a" "2.3.4" Prose Client:
        "The class of the status agrees with the action: 4 while attempts go on, 5 or, when the time is over, 4 where they are abandoned.";
}
