/*
 * State and ledger: only one state writes to a target, and the state that owns it goes on.
 *
 * A state, a copy of it that is elsewhere, and one ledger in the target's database. The model of
 * sync/targets/ledger_tie.cpp and membridge.enter_ledger.
 *   - A takeover is three commits: the next incarnation is noted in the state, written to the ledger, noted in the state as done. Its
 *     process may die after each; another process of the same state then ends it.
 *   - A look asks the state first and the ledger second, and calls a ledger foreign only when the next look finds the same.
 *   - Who writes enters the ledger in the transaction that writes, and is let in only while the ledger is what the look found.
 *   - The copy adopts the ledger when its operator says so. A state may be restored from an older dump: it then
 *     draws fences that the ledger has seen.
 *
 * With -DMUTATION_… one rule is broken; spin must then find a counterexample.
 */

#define DEATHS 1
#define RESTORES 1
#define ADOPTIONS 1
#define MOST_FENCES 4

#define NOBODY 9

/* What each state knows of the ledger. Incarnations are numbers that were never given before. */
byte incarnation[2];
byte next[2];
byte fence[2];      /* the last that the state gave */
bool leased[2];     /* somebody takes the ledger over, or has died while doing so: then the lease runs out */
byte leased_by[2];

/* The ledger. */
byte ledger_incarnation = 1;
byte ledger_fence = 1;
byte owner = 0; /* only for assertions: the state that took it over last */

byte last_incarnation = 1;
byte at_work[2];
byte deaths = 0;
byte restores = 0;
byte adoptions = 0;

#define FOREIGN 0
#define OURS 1
#define UNFINISHED 2
#define STATE_OLDER 3

/* One look: the state, and then the ledger. */
inline LookOnce() {
  atomic { known = incarnation[state]; known_next = next[state] }
  atomic {
    found = ledger_incarnation;
    owner_then = owner;
    if
    :: found == known && ledger_fence > fence[state] -> standing = STATE_OLDER
    :: found == known && ledger_fence <= fence[state] -> standing = OURS
    :: found != known && found == known_next -> standing = UNFINISHED
    :: found != known && found != known_next -> standing = FOREIGN
    fi
  }
}

inline Look() {
  LookOnce();
#ifndef MUTATION_ONE_LOOK
  if
  :: standing == FOREIGN ->
     before = found;
     LookOnce();
     do
     :: standing == FOREIGN && before != found -> before = found; LookOnce()
     :: else -> break
     od
  :: else
  fi;
#endif
  /* A ledger that belonged to this state all the time is never called foreign. */
  assert(standing != FOREIGN || owner_then != state)
}

inline Finish() {
  d_step {
    if
    :: next[state] == found ->
       incarnation[state] = found;
       next[state] = 0;
#ifndef MUTATION_NO_LIFT
       if
       :: fence[state] < ledger_fence -> fence[state] = ledger_fence
       :: else
       fi
#endif
    :: else
    fi
  }
}

inline Release() {
  d_step {
    if
    :: leased[state] && leased_by[state] == _pid -> leased[state] = false; leased_by[state] = NOBODY
    :: else
    fi
  }
}

inline MayDie() {
  if
  :: true
  :: atomic { deaths < DEATHS -> deaths++; Release() } -> goto again
  fi
}

/* Ends with `goto again`: whoever took a ledger over looks at it once more. */
inline TakeOver() {
  if
  :: atomic { !leased[state] -> leased[state] = true; leased_by[state] = _pid }
  :: atomic { leased[state] -> skip } -> goto again
  fi;
  wanted = found;
  wanted_standing = standing;
  Look();
  if
  :: standing == OURS || standing != wanted_standing || found != wanted -> Release(); goto again
  :: else
  fi;
  d_step {
    last_incarnation++;
    /* One for each cause: a takeover puts an end to its cause. */
    assert(last_incarnation <= 1 + RESTORES + ADOPTIONS + DEATHS);
    mine = last_incarnation;
#ifndef MUTATION_NOT_NOTED_FIRST
    next[state] = mine
#endif
  }
  MayDie();
  if
  :: d_step { ledger_incarnation == found -> ledger_incarnation = mine; owner = state }
  :: d_step { ledger_incarnation != found -> Release() } -> goto again
  fi;
#ifdef MUTATION_NOT_NOTED_FIRST
  next[state] = mine;
#endif
  found = mine;
  MayDie();
  Finish();
  Release();
  goto again
}

proctype Work(byte state) {
  byte known, known_next, found, before, owner_then, standing, wanted, wanted_standing, mine, my_fence;
  bool working;
again:
  skip;
  d_step {
    if
    :: working -> working = false; at_work[state]--
    :: else
    fi;
    known = 0; known_next = 0; before = 0; owner_then = 0; wanted = 0; wanted_standing = 0; mine = 0; my_fence = 0; found = 0; standing = 0
  }
  /* Something to do: the ledger changed, or a fence is left to give. */
end:
  atomic { fence[state] < MOST_FENCES -> working = true; at_work[state]++ }
  Look();
  if
  :: standing == FOREIGN ->
     /* Nothing is written there before an operator adopts it. */
     if
     :: atomic { adoptions < ADOPTIONS && state == 1 -> adoptions++ } ; TakeOver()
     :: owner != state -> goto wait
     :: owner == state -> goto again
     fi
  :: standing == UNFINISHED -> Finish(); goto again
  :: standing == STATE_OLDER -> TakeOver()
  :: standing == OURS -> skip
  fi;
  /* A claim draws its fence after the look. */
  d_step {
    fence[state]++;
    my_fence = fence[state];
    /* Once it was let in, a state gives fences that the ledger has not seen. */
    assert(my_fence > ledger_fence || ledger_incarnation != found)
  }
  MayDie();
  /* The transaction that writes: entered, written and committed. */
  if
#ifdef MUTATION_NOT_ENTERED
  :: d_step {
       true ->
#else
  :: d_step {
       ledger_incarnation == found ->
#endif
       assert(owner == state);
       if
       :: my_fence > ledger_fence -> ledger_fence = my_fence
       :: else /* refused: a later claim was there before */
       fi
     }
#ifndef MUTATION_NOT_ENTERED
  :: ledger_incarnation != found
#endif
  fi;
  goto again;
wait:
  skip;
  d_step { working -> working = false; at_work[state]-- }
end_wait:
  atomic { owner == state || (state == 1 && adoptions < ADOPTIONS) -> goto again }
}

/* The first state comes back from a dump that was made before its last fences. Nobody works on a database that is being restored. */
proctype Restore() {
end:
  atomic {
    restores < RESTORES && fence[0] > 1 && owner == 0 && next[0] == 0 && at_work[0] == 0 ->
    restores++;
    fence[0] = 0
  }
}

init {
  atomic {
    incarnation[0] = 1; incarnation[1] = 0; fence[0] = 1; fence[1] = 1; leased_by[0] = NOBODY; leased_by[1] = NOBODY;
    ledger_incarnation = 1;
    run Work(0); run Work(0); run Work(1); run Restore()
  }
}
