/* One order that its giver must renew: a limit, a set-point or a disconnection. */
#ifndef CONTROL_H
#define CONTROL_H

#include <stdbool.h>

/* Millions of steps add up to a time only within the rounding of double; a tenth of the shortest step. */
#define CONTROL_ROUNDING_S 1e-3

typedef struct {
    double value;
    double begins_s; /* from now: the time window */
    double reverts_s; /* from now; 0: never */
    double ramp_s;   /* over which it is approached; 0: the inverter's own gradient */
} order;

typedef struct {
    bool enabled;    /* as the register shows it, from the write on */
    bool holds;      /* the window has passed: the value counts */
    bool was_reverted;
    double value, ramp_s;
    order next;
    bool is_waiting; /* for its window */
    double left_s;   /* until it reverts; 0: it does not */
} control;

/* Takes an order, or the same again: the reversion starts anew. What held before holds until the window has passed. */
void control_enable(control *c, order given);
/* Values changed without the enable being written. A new reversion time runs from now, the same one runs on; the value
 * counts from now where `at_once`, else from the next enable. Nothing happens while it is disabled. */
void control_change(control *c, order given, bool at_once);
void control_disable(control *c);

/* True at the moment when the order was not renewed in time. It is then disabled. */
bool control_step(control *c, double dt_s);

#endif
