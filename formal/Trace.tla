------------------------------- MODULE Trace -------------------------------
(* Membership, with what a replay compares: each account's view after each step. *)
EXTENDS Membership

VARIABLE shown

Shown == [u \in Accounts |-> [epoch |-> Epoch(view[u]), members |-> Members(view[u]), isIn |-> IsIn(u, view[u]),
                              removed |-> view[u].snapshot.removed,
                              waiting |-> Cardinality(view[u].waiting), mine |-> view[u].mine]]

TraceInit == Init /\ shown = Shown
TraceNext == Next /\ shown' = Shown'
=============================================================================
