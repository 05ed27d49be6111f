#include "control.h"


static void begin(control *c)
{
    c->is_waiting = false;
    c->holds = true;
    c->value = c->next.value;
    c->ramp_s = c->next.ramp_s;
}

void control_enable(control *c, order given)
{
    c->enabled = true;
    c->was_reverted = false;
    c->next = given;
    c->left_s = given.reverts_s;
    c->is_waiting = given.begins_s > 0.0;
    if (!c->is_waiting)
        begin(c);
}

void control_change(control *c, order given, bool at_once)
{
    const bool other_time = given.reverts_s != c->next.reverts_s;

    if (!c->enabled)
        return;
    if (other_time)
        c->next.reverts_s = c->left_s = given.reverts_s;
    if (!at_once)
        return;
    c->next = given;
    c->is_waiting = given.begins_s > 0.0;
    if (!c->is_waiting)
        begin(c);
}

void control_disable(control *c)
{
    c->enabled = c->holds = c->is_waiting = c->was_reverted = false;
    c->left_s = 0.0;
}

bool control_step(control *c, double dt_s)
{
    if (!c->enabled)
        return false;
    if (c->is_waiting) {
        c->next.begins_s -= dt_s;
        if (c->next.begins_s <= CONTROL_ROUNDING_S)
            begin(c);
    }
    if (c->left_s <= 0.0)
        return false;
    c->left_s -= dt_s;
    if (c->left_s > CONTROL_ROUNDING_S)
        return false;
    control_disable(c);
    return true;
}
