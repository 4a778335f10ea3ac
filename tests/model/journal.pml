/*
 * The journal and its fold: what was acknowledged gets its marks exactly once.
 *
 * The model of sync/migrations/state/0017_cheaper_fold.sql and sync/inbox/fold.cpp.
 *   - A delivery is stored by a transaction. It has its number from its first statement and may commit late, or never.
 *   - A snapshot is what pg_current_snapshot() says: everything below `end` is over, but for those in `open`.
 *   - membridge.fold is one row: it holds the last snapshot and is the mutex of those who fold.
 *   - A fold takes at most SLICE deliveries and then stores its snapshot cut behind the last one.
 *   - Whoever folds may die at any step; the database then rolls back.
 * Transactions are told apart by numbers from 1, sets of them are bits of an int.
 *
 * With -DMUTATION_… one rule is broken; spin must then find a counterexample.
 */

#define DELIVERIES 3
#define FOLDERS 2
#define DEATHS 1
#ifndef SLICE
#define SLICE 1
#endif

#define BIT(number) (1 << (number))
#define SEES(end, open, number) ((number) < (end) && ((open) & BIT(number)) == 0)

byte given = 0;      /* the last transaction number that was given */
int running = 0;     /* transactions that are under way */
int committed = 0;   /* deliveries that were acknowledged */
int over = 0;        /* transactions that have ended, either way */
byte ended_end = 1;  /* one above the highest number that has ended: a snapshot's end */

byte stored_end = 1; /* the snapshot in membridge.fold */
int stored_open = 0;
bool locked = false;

byte marks[DELIVERIES + 1]; /* how often a delivery was folded */
byte deaths = 0;

proctype Store() {
  byte me;
  atomic { given++; me = given; running = running | BIT(me) }
  atomic {
    if
    :: committed = committed | BIT(me)
    :: skip /* it is rolled back, and nobody was told 200 */
    fi;
    running = running & ~BIT(me);
    over = over | BIT(me);
    if
    :: me >= ended_end -> ended_end = me + 1
    :: else
    fi
  }
}

/* What pg_current_snapshot() says now. */
inline TakeSnapshot() {
  present_end = ended_end;
  present_open = running & (BIT(ended_end) - 1)
}

inline MarkTaken() {
  number = 1;
  do
  :: number > DELIVERIES -> break
  :: else ->
     if
     :: taken & BIT(number) -> marks[number]++; assert(marks[number] == 1)
     :: else
     fi;
     number++
  od
}

proctype Fold() {
  byte present_end, before_end, number, count, cut;
  int present_open, before_open, taken;
  do
  :: true ->
end:
#ifdef MUTATION_SNAPSHOT_BEFORE_LOCK
     d_step { TakeSnapshot() }
     atomic { !locked -> locked = true }
#else
     /* Nothing to do is nothing to write: wait until something may be there. */
     atomic {
       !locked && (ended_end > stored_end || (stored_open & committed) != 0 || (stored_open & over) != 0) -> locked = true
     }
     d_step { TakeSnapshot() }
#endif
     d_step {
       before_end = stored_end;
       before_open = stored_open;
       taken = 0;
       count = 0;
       cut = 0;
#ifdef MUTATION_LAST_NUMBER
       /* Takes what has a higher number than the last one taken. */
       before_open = 0;
       present_open = 0;
#endif
       /* First what was under way when the last fold looked. */
       number = 1;
       do
       :: number > DELIVERIES -> break
       :: else ->
          if
          :: count < SLICE && (before_open & BIT(number)) && (committed & BIT(number)) && SEES(present_end, present_open, number) ->
             taken = taken | BIT(number);
             count++;
             cut = number
          :: else
          fi;
          number++
       od;
       if
       :: count >= SLICE ->
          /* Those behind the last one taken are still to come. */
          number = 1;
          do
          :: number > DELIVERIES -> break
          :: else ->
             if
             :: (before_open & BIT(number)) && number <= cut && SEES(present_end, present_open, number) ->
                before_open = before_open & ~BIT(number)
             :: else
             fi;
             number++
          od;
          present_end = before_end;
          present_open = before_open
       :: else ->
          /* Then what began since, in the order of numbers. */
          number = before_end;
          cut = 0;
          do
          :: number >= present_end || count >= SLICE -> break
          :: else ->
             if
             :: (committed & BIT(number)) && SEES(present_end, present_open, number) ->
                taken = taken | BIT(number);
                count++;
                cut = number
             :: else
             fi;
             number++
          od;
          if
          :: count >= SLICE && cut > 0 -> present_end = cut + 1
          :: else
          fi;
#ifdef MUTATION_CUT_FORGETS_OPEN
          present_open = 0;
#endif
          present_open = present_open & (BIT(present_end) - 1)
       fi
     }
#ifdef MUTATION_SNAPSHOT_FIRST
     d_step { stored_end = present_end; stored_open = present_open }
#endif
     if
     :: d_step {
          MarkTaken();
          stored_end = present_end;
          stored_open = present_open;
          locked = false;
          taken = 0; number = 0; count = 0; cut = 0; present_end = 0; present_open = 0; before_end = 0; before_open = 0
        }
     :: d_step {
          deaths < DEATHS -> deaths++;
          locked = false;
          taken = 0; number = 0; count = 0; cut = 0; present_end = 0; present_open = 0; before_end = 0; before_open = 0
        }
     fi
  od
}

/* Nothing passes for folded that has no mark. */
#define PASSES(number) (!SEES(stored_end, stored_open, number) || !(committed & BIT(number)) || marks[number] == 1)
#define NO_MORE_MARKS(number) ((committed & BIT(number)) || marks[number] == 0)

active proctype Check() {
end:
  atomic {
    !(PASSES(1) && PASSES(2) && PASSES(3) && NO_MORE_MARKS(1) && NO_MORE_MARKS(2) && NO_MORE_MARKS(3)) || stored_end > DELIVERIES + 1 ->
    assert(false)
  }
}

init {
  byte i = 0;
  atomic {
    do
    :: i < DELIVERIES -> run Store(); i++
    :: else -> break
    od;
    i = 0;
    do
    :: i < FOLDERS -> run Fold(); i++
    :: else -> break
    od
  }
}

#define MARKED(number) (!(committed & BIT(number)) || marks[number] == 1)
#define ALL_OVER (over == BIT(1) + BIT(2) + BIT(3))

/* Whatever dies, every acknowledged delivery is marked in the end. */
ltl everything_acknowledged_is_marked { [] (ALL_OVER -> <> (MARKED(1) && MARKED(2) && MARKED(3))) }
