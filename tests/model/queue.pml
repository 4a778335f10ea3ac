/*
 * Queue, lease, fence and ledger: in the end a row says what Mem0 says, and an event counts once.
 *
 * One memory, its entry in membridge.dirty, its source in the target's ledger, and two workers. The model of
 * sync/queue/queue.cpp, sync/worker and sync/apply/ledger.cpp.
 *   - Mem0's record changes; some time later a delivery marks the memory. Deliveries also come twice. Reads may show an older record until
 *     `read_lag` has passed: a read is final when it began that long after the mark.
 *   - A claim draws a fence. A lease may run out while its worker lives: any worker may then claim.
 *   - A worker reads, locks its claim in the state (Queue::StillOurs), enters the ledger of the target (Ledger::Enter),
 *     commits the target, then mirror and queue together. State and target are two databases:
 *     the state's connection may break while the target commits.
 *   - A worker may die at any step. Its transactions are rolled back and their locks let go.
 * Changes, lapses, cuts and deaths are few, so that the space of states is small; they come at every possible moment.
 *
 * With -DMUTATION_… one rule is broken; spin must then find a counterexample.
 */

#ifndef CHANGES
#define CHANGES 2
#endif
#define LAPSES 1
#define CUTS 1
#define DEATHS 1
#define EARLY_READS 1
#ifdef FULL
#define RUN_AGAIN run Again();
#else
#define RUN_AGAIN
#endif

/* Mem0. */
byte truth = 1;   /* version of the record */
byte replica = 1; /* what a lagging read shows */

/* The entry in the queue. */
bool dirty = false;
bool leased = false;
byte generation = 0;
byte fence = 0; /* of the last claim */
byte marked_version = 0; /* the record's version when the mark was made */
byte events = 0;         /* bits: one for each delivery that counts as an event */
byte locked_by = 0;      /* the worker whose transaction holds the entry, plus one */

/* The mirror. */
byte mirror = 0;

/* The target. */
byte row = 0;
byte source_fence = 0;
byte target_locked_by = 0;
byte known_events = 0;      /* ids in the ledger */
byte effects[CHANGES + 1];  /* how often an event changed the target */

byte to_come = CHANGES; /* deliveries not yet marked */
byte lapses = 0, cuts = 0, deaths = 0, early_reads = 0;
bool left = false; /* whoever leased the entry last has died or given up: its lease runs out */

inline Mark(with_event, id) {
  d_step {
    if
    :: !dirty -> dirty = true; leased = false; generation = 1
    :: else -> generation++
    fi;
    marked_version = truth;
    if
    :: with_event -> events = events | (1 << (id))
    :: else
    fi
  }
}

/* Changes at Mem0, each followed by its delivery. */
proctype Mem0() {
  byte change = 0;
  do
  :: change < CHANGES ->
     truth++;
     /* The fold sets aside a mark whose entry is locked, and makes it when the entry is free. */
     atomic { locked_by == 0 -> Mark(true, change) ; to_come--; change++ }
  :: else -> break
  od
}

/* A delivery that comes again, or that somebody made up. */
proctype Again() {
  atomic { locked_by == 0 -> Mark(false, 0) }
}

/* Replicas catch up. */
proctype Replicate() {
end:
  do
  :: d_step { replica < truth -> replica++ }
  od
}

inline Forget() {
  my_fence = 0; seen = 0; had_generation = 0; is_final = false; had_events = 0; known = 0
}

/* All that a transaction held is let go. */
inline LetGo() {
  if
  :: locked_by == _pid + 1 -> locked_by = 0
  :: else
  fi;
  if
  :: target_locked_by == _pid + 1 -> target_locked_by = 0
  :: else
  fi
}

#ifdef MUTATION_LEASE_NEVER_ENDS
#define NOT_MINE true
#else
#define NOT_MINE (fence != my_fence || !leased)
#endif

/* The lease of a worker that does not finish runs out in the end. */
inline Leave() {
  if
#ifndef MUTATION_LEASE_NEVER_ENDS
  :: fence == my_fence && leased -> left = true
#endif
  :: NOT_MINE
  fi
}

inline MayDie() {
  if
  :: true
  :: d_step { deaths < DEATHS -> deaths++; Leave(); LetGo(); Forget() } -> goto again
  fi
}

proctype Worker() {
  byte my_fence, seen, had_generation, had_events, known;
  bool is_final;
again:
end:
#ifdef MUTATION_READ_BEFORE_CLAIM
  if
  :: seen = truth
  :: seen = replica
  fi;
#endif
  atomic {
    dirty && locked_by == 0 && (!leased || left || lapses < LAPSES) && (replica >= marked_version || early_reads < EARLY_READS) ->
    if
    :: leased && !left -> lapses++
    :: else
    fi;
    leased = true;
    left = false;
    fence++;
    my_fence = fence;
    had_generation = generation;
    had_events = events;
    known = mirror;
    if
    :: replica >= marked_version -> is_final = true /* read_lag has passed: reads that begin now show it */
    :: early_reads < EARLY_READS -> early_reads++; is_final = false
    fi
  }
#ifndef MUTATION_READ_BEFORE_CLAIM
  if
  :: seen = truth
  :: seen = replica
  fi;
#endif
#ifdef MUTATION_FIRST_READ_IS_FINAL
  is_final = true;
#endif
  MayDie();

  /* StillOurs: the entry is locked until the transaction ends. A claim that another worker took over is dropped. */
  if
  :: atomic { dirty && fence == my_fence && locked_by == 0 -> locked_by = _pid + 1; known = mirror }
#ifndef MUTATION_NO_STATE_FENCE
  :: atomic { !dirty || fence != my_fence -> Forget() } -> goto again
#else
  :: atomic { dirty && fence != my_fence && locked_by == 0 -> locked_by = _pid + 1; known = mirror }
  :: atomic { !dirty -> Forget() } -> goto again
#endif
  fi;
  if
  :: !is_final && known > seen -> had_events = 0; goto settle /* older than what is known, and not final: not applied */
  :: else
  fi;

#ifdef MUTATION_QUEUE_FIRST
  d_step {
    if
    :: is_final && generation == had_generation -> dirty = false; leased = false
    :: else -> leased = false
    fi;
    locked_by = 0
  }
#endif
  if
  :: true
  :: d_step { cuts < CUTS && locked_by == _pid + 1 -> cuts++; locked_by = 0 } /* the state's connection breaks: its lock is gone */
  fi;
  MayDie();

  /* Ledger::Enter: the source's entry is locked, and an older fence is refused. */
  atomic { target_locked_by == 0 -> target_locked_by = _pid + 1 }
#ifndef MUTATION_NO_LEDGER_FENCE
  if
  :: d_step { source_fence > my_fence -> Leave(); LetGo(); Forget() } -> goto again
  :: else
  fi;
#endif
  MayDie();
  /* COMMIT of the target: row, ledger and the ids of events together. */
  d_step {
    row = seen;
    source_fence = my_fence;
    known = 0;
    do
    :: known > CHANGES -> break
    :: else ->
       if
       :: had_events & (1 << known) ->
          if
#ifndef MUTATION_NO_EVENT_IDS
          :: known_events & (1 << known) -> skip
#endif
          :: else -> effects[known]++; known_events = known_events | (1 << known)
          fi
       :: else
       fi;
       known++
    od;
    known = 0;
    target_locked_by = 0
  }
  MayDie();

settle:
  skip;
  /* Mirror and queue, in one commit of the state. It comes to nothing when the lock is gone. */
  d_step {
    if
    :: locked_by == _pid + 1 ->
       if
       :: is_final || seen > mirror -> mirror = seen
       :: else
       fi;
       events = events & ~had_events;
#ifdef MUTATION_IGNORE_GENERATION
       if
       :: is_final -> dirty = false; leased = false
#else
       if
       :: is_final && generation == had_generation -> dirty = false; leased = false
#endif
       :: else -> leased = false
       fi
    :: else -> Leave()
    fi;
    LetGo();
    Forget()
  }
  goto again
}

/* Nothing to do, and nothing to come. */
#define AT_REST (to_come == 0 && !dirty && locked_by == 0 && target_locked_by == 0)
#define ONCE (effects[0] <= 1 && effects[CHANGES - 1] <= 1)

#define RIGHT (row == truth && mirror == truth && effects[0] == 1 && effects[CHANGES - 1] == 1)

active proctype Check() {
end:
  if
  :: atomic { !ONCE || (AT_REST && !RIGHT) -> assert(false) }
  :: atomic { timeout -> assert(AT_REST && RIGHT) } /* nobody can do anything any more */
  fi
}

init {
  atomic { run Mem0(); RUN_AGAIN run Replicate(); run Worker(); run Worker() }
}

/* Workers come to rest once changes, faults and lapses are over, and the row is right then. */
ltl comes_to_rest { <> [] (AT_REST && row == truth && mirror == truth) }
