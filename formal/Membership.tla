---------------------------- MODULE Membership ----------------------------
(* Who is in a closed group: chapter 09, and what chapter 10 lets a client send when its view changes.
   Accounts are numbers, so that they have an order; account 1 is the administrator. Signatures, keys and the
   avatar are left out: a snapshot carries who made it, and a receiver that checks the signature compares that.
   The network keeps messages in any order, loses them and delivers them again, as far as the constants allow. *)
EXTENDS Integers, FiniteSets

CONSTANTS Accounts, Created,   \* all accounts; those of the snapshot of epoch 0
          Bound,               \* MAX_MEMBERS
          Operations,          \* what the model may do, of those below
          MaxOperations,       \* how often a person, or a liar, does something
          MaxLost, MaxCopied   \* how many messages the network loses, and delivers once more

ASSUME Operations \subseteq {"add", "leave", "kick", "rename", "close",
                             "forge leaves", "forge snapshots", "forge adds", "forge notices"}

Administrator == 1

VARIABLES view,       \* the view of each account
          net,        \* messages under way
          step,       \* what was done last; no part of the state
          done, lost, copied,
          \* What really happened, which no account knows:
          snapshots,  \* that the administrator made
          wanted,     \* <<account, epoch, who>>: who was in, and added it
          ended,      \* memberships that were ended by their owners
          kicked,     \* <<membership, epoch>>: ended by the administrator, who opened the epoch
          heard       \* account -> memberships of whose end by a leave it was told

vars == <<view, net, done, lost, copied, snapshots, wanted, ended, kicked, heard>>

-----------------------------------------------------------------------------
(* State. A membership is a pair: account, epoch in which it was added. *)

NoSnapshot == [epoch |-> -1, members |-> {}, removed |-> {}, closed |-> FALSE, by |-> 0]
Stranger == [snapshot |-> NoSnapshot, adds |-> {}, left |-> {}, reported |-> {}, adders |-> {}, waiting |-> {},
             mine |-> {},    \* <<account, epoch>>: what it added itself
             noticed |-> -1] \* the latest epoch of which the administrator's notice said that it is out, until the view is as late

Epoch(v) == v.snapshot.epoch
ListedIn(snapshot) == {m[1] : m \in snapshot.members}
Listed(v) == ListedIn(v.snapshot)
Candidates(v) == v.snapshot.members \cup {<<x, Epoch(v)>> : x \in v.adds \ Listed(v)}
Known(v) == Listed(v) \cup v.adds
First(memberships, count) == {m \in memberships : Cardinality({n \in memberships : n[1] < m[1]}) < count}
Kept(v) == LET listed == v.snapshot.members
           IN IF v.adds = {} THEN listed
              ELSE listed \cup First(Candidates(v) \ listed, Bound - Cardinality(listed))
Leaves(v) == v.left \cup v.reported
Members(v) == Kept(v) \ Leaves(v)
Present(v) == {m[1] : m \in Members(v)}
IsIn(u, v) == u \in Present(v) /\ v.noticed <= Epoch(v)
IsActive(u) == IsIn(u, view[u]) /\ ~view[u].snapshot.closed

Snapshot(from, to, snapshot, addsYou) ==
    [kind |-> "snapshot", from |-> from, to |-> to, snapshot |-> snapshot, addsYou |-> addsYou]
Add(from, to, epoch, accounts) == [kind |-> "add", from |-> from, to |-> to, epoch |-> epoch, accounts |-> accounts]
Leave(from, to, membership) == [kind |-> "leave", from |-> from, to |-> to, membership |-> membership]
Notice(from, to, epoch) == [kind |-> "notice", from |-> from, to |-> to, epoch |-> epoch]

-----------------------------------------------------------------------------
(* Accept: what a message does to a view. *)

AcceptAdd(v, m) ==
    IF v.snapshot.closed \/ m.epoch < Epoch(v) THEN v
    ELSE IF m.epoch > Epoch(v) \/ m.from \notin Known(v) THEN [v EXCEPT !.waiting = @ \cup {m}]
    ELSE [v EXCEPT !.adds = @ \cup (m.accounts \ Listed(v))]

End(v, m, memberships) == IF m.membership[1] = m.from THEN [v EXCEPT !.left = @ \cup memberships]
                         ELSE [v EXCEPT !.reported = @ \cup memberships]

AcceptLeave(v, m) ==
    LET account == m.membership[1]
        added == m.membership[2]
    IN IF Epoch(v) = -1 THEN [v EXCEPT !.waiting = @ \cup {m}]
       ELSE IF v.snapshot.closed \/ account = Administrator THEN v
       ELSE IF account # m.from /\ m.from \notin v.adders THEN v
       ELSE IF m.membership \in Candidates(v) THEN End(v, m, {m.membership})
       ELSE IF added > Epoch(v) \/ (added = Epoch(v) /\ account \notin Known(v)) THEN [v EXCEPT !.waiting = @ \cup {m}]
       ELSE v

TakeUp(u, v, m) ==
    LET new == m.snapshot
        added == m.addsYou /\ u \notin ListedIn(new)
    IN IF new.closed THEN [Stranger EXCEPT !.snapshot = new]
       ELSE [v EXCEPT !.snapshot = new,
                      !.adds = IF added THEN {u} \cup ({m.from} \ ListedIn(new)) ELSE {},
                      !.left = @ \cap new.members,
                      !.reported = {},
                      !.adders = IF added THEN {m.from} ELSE {},
                      !.noticed = IF @ <= new.epoch THEN -1 ELSE @]

AcceptNotice(v, m) ==
    IF Epoch(v) >= 0 /\ m.from = Administrator /\ m.epoch > Epoch(v) /\ m.epoch > v.noticed
    THEN [v EXCEPT !.noticed = m.epoch] ELSE v

AcceptSnapshot(u, v, m) ==
    LET new == m.snapshot
    IN IF Epoch(v) = -1 /\ (new.closed \/ (u \notin ListedIn(new) /\ ~m.addsYou)) THEN v
       ELSE IF v.snapshot.closed THEN v
       ELSE IF new.by # Administrator THEN v
       ELSE IF new.epoch < Epoch(v) THEN v
       ELSE IF new.epoch > Epoch(v) THEN TakeUp(u, v, m)
       ELSE IF m.addsYou /\ u \notin Listed(v)
            THEN LET after == AcceptAdd(v, Add(m.from, u, new.epoch, {u}))
                 IN IF m.from \in Known(v) THEN [after EXCEPT !.adders = @ \cup {m.from}] ELSE after
       ELSE v

Accept(u, v, m) ==
    CASE m.kind = "add" -> AcceptAdd(v, m)
      [] m.kind = "leave" -> AcceptLeave(v, m)
      [] m.kind = "snapshot" -> AcceptSnapshot(u, v, m)
      [] m.kind = "notice" -> AcceptNotice(v, m)

RECURSIVE JudgeAll(_, _, _), JudgeWaiting(_, _)
JudgeAll(u, v, messages) ==
    IF messages = {} THEN v
    ELSE LET m == CHOOSE x \in messages : TRUE
         IN JudgeAll(u, Accept(u, [v EXCEPT !.waiting = @ \ {m}], m), messages \ {m})
JudgeWaiting(u, v) ==
    LET after == JudgeAll(u, v, v.waiting)
    IN IF after = v THEN v ELSE JudgeWaiting(u, after)

Receive(u, v, m) ==
    LET after == Accept(u, v, m)
    IN IF after.snapshot # v.snapshot \/ after.adds # v.adds THEN JudgeWaiting(u, after) ELSE after

-----------------------------------------------------------------------------
(* What a client sends when its view changes. *)

AddSelf(u, v, accounts) ==
    IF accounts = {} THEN v
    ELSE JudgeWaiting(u, [v EXCEPT !.adds = @ \cup accounts, !.mine = @ \cup {<<x, Epoch(v)>> : x \in accounts}])
AddedBySelf(v) == {x \in Accounts : <<x, Epoch(v)>> \in v.mine}

\* `v` is the view after the add. An Add that says no more to a newcomer than its snapshot is left out.
SentByAdd(u, v, accounts) ==
    {Add(u, x, Epoch(v), accounts) : x \in Present(v) \ ({u} \cup accounts)}
    \cup {Snapshot(u, x, v.snapshot, TRUE) : x \in accounts}
    \cup {Add(u, x, Epoch(v), v.adds) : x \in {y \in accounts : v.adds # {y}}}
    \cup {Leave(u, x, m) : x \in accounts, m \in Leaves(v)}

\* Whom `u` adds again, after a snapshot: whom it does not know, and who had not left before.
AddsAgain(before, v) ==
    LET lacking == {x \in Accounts : \E add \in v.mine :
                        /\ add[1] = x /\ x \notin Known(v)
                        /\ add \notin Leaves(before)
                        /\ \A r \in v.snapshot.removed : r[1] = x => r[2] < add[2]}
    IN {x \in lacking : Cardinality(Candidates(v)) + Cardinality({y \in lacking : y <= x}) <= Bound}

\* The view and the messages that follow when a view has become another.
React(u, before, after) ==
    LET isNew == after.snapshot # before.snapshot
        again == IF isNew /\ IsIn(u, after) /\ ~after.snapshot.closed THEN AddsAgain(before, after) ELSE {}
        v == AddSelf(u, IF isNew THEN [after EXCEPT !.mine = {}] ELSE after, again)
        newcomers == AddedBySelf(after)
        adds == Known(v) \ ((IF isNew THEN Listed(v) ELSE Known(before)) \cup {u} \cup AddedBySelf(v))
        leaves == Leaves(v) \ Leaves(before)
    IN [view |-> v,
        sent |-> IF ~IsIn(u, v) THEN {}
                 ELSE (IF again = {} THEN {} ELSE SentByAdd(u, v, again))
                      \cup (IF adds = {} THEN {} ELSE {Add(u, x, Epoch(v), adds) : x \in newcomers})
                      \cup {Leave(u, x, m) : x \in newcomers, m \in leaves}
                      \cup (IF u = Administrator THEN {Snapshot(u, x, v.snapshot, TRUE) : x \in adds} ELSE {})]

Become(u, after, sent, rest) ==
    LET reaction == React(u, view[u], after)
    IN /\ view' = [view EXCEPT ![u] = reaction.view]
       /\ net' = rest \cup sent \cup reaction.sent

-----------------------------------------------------------------------------
(* Actions. *)

\* The administrator opens an epoch at once when it learns of a leave and when a candidate is over the bound.
MustOpen == LET v == view[Administrator]
            IN ~v.snapshot.closed /\ Candidates(v) # Members(v)

May(operation) == operation \in Operations /\ done < MaxOperations
Did(record) == done' = done + 1 /\ step' = record /\ UNCHANGED <<lost, copied>>

AddAccount(u, x) ==
    /\ May("add") /\ IsActive(u)
    /\ x \notin Known(view[u])
    /\ Cardinality(Candidates(view[u])) < Bound
    /\ LET v == AddSelf(u, view[u], {x}) IN Become(u, v, SentByAdd(u, v, {x}), net)
    /\ wanted' = wanted \cup {<<x, Epoch(view[u]), u>>}
    /\ Did([action |-> "add", by |-> u, who |-> x])
    /\ UNCHANGED <<snapshots, ended, kicked, heard>>

LeaveGroup(u) ==
    /\ May("leave") /\ IsActive(u) /\ u # Administrator
    /\ \E m \in Members(view[u]) :
         /\ m[1] = u
         /\ Become(u, [view[u] EXCEPT !.left = @ \cup {m}, !.mine = {}],
                   {Leave(u, x, m) : x \in Present(view[u]) \ {u}}, net)
         /\ ended' = ended \cup {m}
         /\ heard' = [heard EXCEPT ![u] = @ \cup {m}]
    /\ Did([action |-> "leave", by |-> u])
    /\ UNCHANGED <<snapshots, wanted, kicked>>

Opened(v, out, closed) ==
    LET members == {m \in Members(v) : m[1] \notin out}
        how(m) == IF m \in Leaves(v) THEN 1 ELSE IF m[1] \in out THEN 2 ELSE 3
        fresh == {<<m[1], Epoch(v), how(m)>> : m \in Candidates(v) \ members}
        old == {r \in v.snapshot.removed : \A f \in fresh : f[1] # r[1]}
    IN [epoch |-> Epoch(v) + 1, members |-> members, removed |-> old \cup fresh, closed |-> closed, by |-> Administrator]

OpenEpoch(out, closed) ==
    LET v == view[Administrator]
        new == Opened(v, out, closed)
        taken == TakeUp(Administrator, v, Snapshot(Administrator, Administrator, new, FALSE))
    IN /\ Become(Administrator, JudgeWaiting(Administrator, taken),
                 {Snapshot(Administrator, x, new, FALSE) : x \in ListedIn(new) \ {Administrator}}
                 \cup {Notice(Administrator, x, Epoch(v) + 1) : x \in out}, net)
       /\ snapshots' = snapshots \cup {new}
       /\ kicked' = kicked \cup {<<m, Epoch(v) + 1>> : m \in {n \in Candidates(v) : n[1] \in out}}
       /\ UNCHANGED <<wanted, ended, heard>>

Kick(x) == /\ May("kick") /\ IsActive(Administrator)
           /\ x \in Present(view[Administrator]) \ {Administrator}
           /\ OpenEpoch({x}, FALSE)
           /\ Did([action |-> "kick", by |-> Administrator, who |-> x])

Rename == /\ May("rename") /\ IsActive(Administrator)
          /\ OpenEpoch({}, FALSE)
          /\ Did([action |-> "rename", by |-> Administrator])

Close == /\ May("close") /\ IsActive(Administrator)
         /\ OpenEpoch({}, TRUE)
         /\ Did([action |-> "close", by |-> Administrator])

Open == /\ OpenEpoch({}, FALSE)
        /\ step' = [action |-> "open", by |-> Administrator]
        /\ UNCHANGED <<done, lost, copied>>

\* What an account, in the group or not, can send without any right to it.
Lies(u) ==
    LET v == view[u]
        others == Accounts \ {u}
        current == Epoch(view[Administrator])
        forged == [v.snapshot EXCEPT !.epoch = @ + 1, !.by = u, !.members = {m \in @ : m[1] \in {Administrator, u}}]
    IN [leaves |-> {Leave(u, x, m) : x \in others, m \in {n \in Candidates(view[Administrator]) : n[1] # u}},
        snapshots |-> {Snapshot(u, x, forged, FALSE) : x \in IF Epoch(v) >= 0 THEN others ELSE {}},
        adds |-> {Add(u, x, current, {u}) : x \in others},
        notices |-> {Notice(u, x, current + 1) : x \in others}]

Lie(u, operation, lies) ==
    /\ May(operation) /\ u # Administrator
    /\ \E m \in lies : net' = net \cup {m} /\ Did([action |-> "forge", message |-> m])
    /\ UNCHANGED <<view, snapshots, wanted, ended, kicked, heard>>

LieAbout(u) == \/ Lie(u, "forge leaves", Lies(u).leaves)
               \/ Lie(u, "forge snapshots", Lies(u).snapshots)
               \/ Lie(u, "forge adds", Lies(u).adds)
               \/ Lie(u, "forge notices", Lies(u).notices)

Deliver(m, isLast) ==
    /\ isLast \/ copied < MaxCopied
    /\ copied' = IF isLast THEN copied ELSE copied + 1
    /\ Become(m.to, Receive(m.to, view[m.to], m), {}, IF isLast THEN net \ {m} ELSE net)
    /\ heard' = IF m.kind = "leave" /\ m.membership[1] = m.from
                THEN [heard EXCEPT ![m.to] = @ \cup {m.membership}] ELSE heard
    /\ step' = [action |-> IF isLast THEN "deliver" ELSE "copy", message |-> m]
    /\ UNCHANGED <<done, lost, snapshots, wanted, ended, kicked>>

Lose(m) ==
    /\ lost < MaxLost
    /\ net' = net \ {m}
    /\ lost' = lost + 1
    /\ step' = [action |-> "drop", message |-> m]
    /\ UNCHANGED <<view, done, copied, snapshots, wanted, ended, kicked, heard>>

(* Repair, when nothing is under way. Members say something now and then, and give keys to whom they regard as members:
   so one that is behind, or that differs, or has no view at all, asks or is helped; who has left says so again to the
   administrator; whom the administrator does not know is told. A snapshot adds whom it does not list. *)
Repaired(u, w) ==
    LET v == view[u]
        given == Receive(w, view[w], Snapshot(u, w, v.snapshot, w \notin Listed(v)))
    IN IF v.adds = {} THEN given ELSE Receive(w, given, Add(u, w, Epoch(v), v.adds))
CanRepair(u, w) ==
    /\ u # w /\ IsIn(u, view[u]) /\ w \in Present(view[u])
    /\ IsIn(w, view[w]) \/ Epoch(view[w]) < Epoch(view[u])
    /\ Repaired(u, w).snapshot # view[w].snapshot \/ Repaired(u, w).adds # view[w].adds
Repair(u, w) ==
    /\ net = {} /\ CanRepair(u, w)
    /\ Become(w, Repaired(u, w), {}, net)
    /\ step' = [action |-> "repair", from |-> u, to |-> w]
    /\ UNCHANGED <<done, lost, copied, snapshots, wanted, ended, kicked, heard>>

Untold == {m \in ended : m \in Members(view[Administrator]) /\ ~view[Administrator].snapshot.closed}
LeaveAgain(m) ==
    /\ net = {}
    /\ net' = {Leave(m[1], Administrator, m)}
    /\ step' = [action |-> "leave again", by |-> m[1]]
    /\ UNCHANGED <<view, done, lost, copied, snapshots, wanted, ended, kicked, heard>>

Forgotten == {u \in Accounts : /\ IsIn(u, view[u]) /\ u \notin Present(view[Administrator])
                               /\ Epoch(view[u]) < Epoch(view[Administrator])}
Tell(u) ==
    /\ net = {}
    /\ net' = {Notice(Administrator, u, Epoch(view[Administrator]))}
    /\ step' = [action |-> "tell", by |-> Administrator, who |-> u]
    /\ UNCHANGED <<view, done, lost, copied, snapshots, wanted, ended, kicked, heard>>

-----------------------------------------------------------------------------
Initial == [epoch |-> 0, members |-> {<<u, 0>> : u \in Created}, removed |-> {}, closed |-> FALSE, by |-> Administrator]

Init == /\ view = [u \in Accounts |-> IF u \in Created THEN [Stranger EXCEPT !.snapshot = Initial] ELSE Stranger]
        /\ net = {} /\ step = [action |-> "create"]
        /\ done = 0 /\ lost = 0 /\ copied = 0
        /\ snapshots = {Initial} /\ wanted = {} /\ ended = {} /\ kicked = {} /\ heard = [u \in Accounts |-> {}]

Operation == \/ (\E u, x \in Accounts : AddAccount(u, x))
             \/ (\E u \in Accounts : LeaveGroup(u) \/ LieAbout(u))
             \/ (\E x \in Accounts : Kick(x))
             \/ Rename
             \/ Close

Network == \/ (\E m \in net : Deliver(m, TRUE) \/ Deliver(m, FALSE) \/ Lose(m))
           \/ (\E u, w \in Accounts : Repair(u, w))
           \/ (\E m \in Untold : LeaveAgain(m))
           \/ (\E u \in Forgotten : Tell(u))

Next == IF MustOpen THEN Open ELSE Operation \/ Network

-----------------------------------------------------------------------------
(* Claims. Each names the clauses that it follows from. *)

Quiet == net = {} /\ ~MustOpen
Settled == Quiet /\ Untold = {} /\ Forgotten = {} /\ \A u, w \in Accounts : ~CanRepair(u, w)
Agree(v, w) == v.snapshot = w.snapshot /\ v.adds = w.adds /\ Leaves(v) = Leaves(w)

\* When nothing is under way, and nothing is to be repaired, all who are in have the administrator's view.
\* Clauses: GC-20, GC-23, GC-24, GC-28, GC-38, GC-46, GC-52, CG-36, CG-38, CG-39, CG-42, CG-43, CG-46, CG-51
Converged == Settled => LET v == view[Administrator] IN \A u \in Present(v) :
    IsIn(u, view[u]) => Agree(view[u], v)

\* Whom the administrator regards as a member is in, in its own view, whatever was lost.
\* Clauses: GC-17, GC-24, CG-35, CG-37, CG-39, CG-44, CG-50
NobodyIsUninvited == Settled => \A u \in Present(view[Administrator]) : IsIn(u, view[u])

\* Who is in, in its own view, is in the administrator's, whatever was lost.
\* Clauses: GC-50, GC-51, CG-20, CG-45, CG-51
NobodyIsForgotten == Settled => \A u \in Accounts : IsIn(u, view[u]) => u \in Present(view[Administrator])

\* Whom somebody has added who stays in, is in at last, unless it has left or was removed, or the group is full or closed.
\* Clauses: GC-31, GC-32, GC-50, CG-35
AddsArrive == Settled => LET v == view[Administrator]
                             gone == {m[1] : m \in ended} \cup {k[1][1] : k \in kicked} \cup {r[1] : r \in v.snapshot.removed}
                         IN \A w \in wanted : w[1] \in gone \/ w[3] \in gone \/ w[3] \notin Present(v)
                                \/ w[1] \in Known(v) \/ v.snapshot.closed \/ Cardinality(Members(v)) = Bound

Comparable(m) == CASE m.kind = "leave" -> m.membership[1] = m.from
                   [] m.kind = "snapshot" -> ~m.addsYou
                   [] OTHER -> m.kind = "add"

\* In whatever order two messages come, they lead to the same.
\* Clauses: GC-21, GC-28, GC-29, GC-31, GC-32, GC-39, GC-43
Commute == \A m, n \in {x \in net : Comparable(x)} : m.to = n.to =>
    LET one == Receive(m.to, Receive(m.to, view[m.to], m), n)
        other == Receive(m.to, Receive(m.to, view[m.to], n), m)
    IN one = other

\* Epochs are the administrator's alone, and each has one snapshot.
\* Clauses: GC-16, GC-22, GC-45, GC-46
OneOrder == /\ \A u \in Accounts : view[u].snapshot \in snapshots \cup {NoSnapshot}
            /\ \A s, t \in snapshots : s.epoch = t.epoch => s = t

\* No view goes back to an earlier epoch.
\* Clauses: GC-20, GC-21
NeverBack == [][\A u \in Accounts : Epoch(view'[u]) >= Epoch(view[u])]_vars

\* A membership that was kicked is in no view that has learnt of it.
\* Clauses: GC-20, GC-46
KickedAreOut == \A u \in Accounts : \A k \in kicked : Epoch(view[u]) >= k[2] => k[1] \notin Members(view[u])

\* Who is kicked comes back by an add only that somebody makes in a later epoch than its last.
\* Clauses: GC-23, GC-30, GC-46, GC-50
AddsLoseAgainstKicks == \A u \in Accounts : \A r \in view[u].snapshot.removed :
    r[3] = 2 /\ r[1] \in view[u].adds => \E w \in wanted : w[1] = r[1] /\ w[2] > r[2]

\* A leave that came is never too late: not before the add, not after a snapshot that knows nothing of it.
\* Clauses: GC-23, GC-39, GC-43
LeaversAreOut == \A u \in Accounts : view[u].snapshot.closed \/ heard[u] \cap Members(view[u]) = {}

\* What adders invent about others ends with the next snapshot.
\* Clauses: GC-23, GC-40, GC-53
InventedLeavesEnd == \A u \in Accounts : view[u].adders # {} \/ Leaves(view[u]) \subseteq ended

\* Nobody adds again who has left in its view.
\* Clauses: GC-50
LeaversAreNotAddedAgain == [][\A u \in Accounts : \A add \in view'[u].mine \ view[u].mine :
    <<add[1], add[2], u>> \in wanted' \/ \E old \in view[u].mine : old[1] = add[1] /\ old \notin heard[u]]_vars

\* Who takes up the closing snapshot is left with its members alone.
\* Clauses: GC-27, GC-54
ClosedIsClosed == \A u \in Accounts : view[u].snapshot.closed =>
    Members(view[u]) = view[u].snapshot.members /\ view[u].waiting = {}

\* Who is listed goes by its own leave, or by a kick.
\* Clauses: GC-38, GC-41, GC-46
NobodyIsLost == \A s, t \in snapshots : t.epoch = s.epoch + 1 =>
    s.members \ t.members \subseteq ended \cup {k[1] : k \in kicked}

\* Nobody is in by other ways than creation and an add by somebody who was in; nobody is out by the word of others,
\* but what those say who added oneself; nobody is without the administrator.
\* Clauses: GC-28, GC-31, GC-40, GC-41, GC-42, GC-48, GC-51
OnlyByRight == \A u \in Accounts :
    /\ view[u].adds \subseteq {w[1] : w \in wanted} \cup Created
    /\ u \notin {w[1] : w \in wanted} => Leaves(view[u]) \subseteq ended
    /\ view[u].noticed # -1 => \E s \in snapshots : s.epoch = view[u].noticed /\ s.epoch > Epoch(view[u]) /\ u \notin ListedIn(s)
    /\ Epoch(view[u]) >= 0 => Administrator \in Present(view[u])

\* No roster has more members than the bound.
\* Clauses: GC-9, GC-38
WithinBound == /\ \A s \in snapshots : Cardinality(s.members) <= Bound
               /\ \A u \in Accounts : Cardinality(Members(view[u])) <= Bound

(* What does not hold; see README.md. *)

\* All who are in agree as soon as nothing is under way, without exchanging anything.
\* Clauses: CG-37, CG-46
AgreedWithoutExchange == Quiet => \A u \in Present(view[Administrator]) :
    IsIn(u, view[u]) => Agree(view[u], view[Administrator])

\* A membership that its owner has ended is not begun again by an add that was made before.
\* Clauses: GC-41, GC-50
LeaversStayOut == \A u \in Accounts : \A m \in ended :
    m[1] \in view[u].adds /\ m[2] < Epoch(view[u]) => \E w \in wanted : w[1] = m[1] /\ w[2] > m[2]
=============================================================================
