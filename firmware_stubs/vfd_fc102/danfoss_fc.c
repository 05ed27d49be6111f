#include "danfoss_fc.h"

/* Control word: the first three hold it back while low. */
enum { BRAKE = 0x04, COAST = 0x08, QUICK = 0x10, START = 0x40, VALID = 0x400 };
/* Status word, by bit. */
enum { STATUS_ENABLED = 2, STATUS_HOT = 7, STATUS_ON_REFERENCE = 8, STATUS_BUS = 9, STATUS_IN_LIMITS = 10 };

static machine_state from_ready(uint16_t word)
{
    const uint16_t all = BRAKE | COAST | QUICK | START;

    return (word & all) == all ? OPERATION_ENABLED : READY_TO_SWITCH_ON;
}

static machine_state from_enabled(machine *m, const machine_input *in)
{
    if (!(in->command & COAST))
        return READY_TO_SWITCH_ON;
    if (!(in->command & QUICK))
        return QUICK_STOP_ACTIVE;
    m->ramping_off = !(in->command & START);
    return m->ramping_off && in->standstill ? READY_TO_SWITCH_ON : OPERATION_ENABLED;
}

static machine_state from_quick_stop(const machine_input *in)
{
    if (in->standstill || !(in->command & COAST))
        return READY_TO_SWITCH_ON;
    return in->command & QUICK ? OPERATION_ENABLED : QUICK_STOP_ACTIVE;
}

static void advance(machine *m, const machine_input *in)
{
    switch (m->state) {
    case SWITCH_ON_DISABLED:
    case READY_TO_SWITCH_ON:
    case SWITCHED_ON: m->state = from_ready(in->command); break;
    case OPERATION_ENABLED: m->state = from_enabled(m, in); break;
    case QUICK_STOP_ACTIVE: m->state = from_quick_stop(in); break;
    case FAULT_REACTION:
        if (in->standstill)
            m->state = FAULT;
        break;
    case FAULT:
        if (machine_is_reset(m, in))
            m->state = READY_TO_SWITCH_ON;
        break;
    }
}

static void step(machine *m, const machine_input *in)
{
    /* A word without bit 10 is not looked at. */
    if (!(in->command & VALID) && m->state != FAULT_REACTION)
        return;
    advance(m, in);
    if (m->state != OPERATION_ENABLED)
        m->ramping_off = false;
    m->last_command = in->command;
}

static uint16_t status(const machine *m, const machine_flags *f)
{
    static const uint16_t BITS[] = {[SWITCH_ON_DISABLED] = 0x003, [READY_TO_SWITCH_ON] = 0x003, [SWITCHED_ON] = 0x003,
                                    [OPERATION_ENABLED] = 0x803,  [QUICK_STOP_ACTIVE] = 0x803,  [FAULT_REACTION] = 0x803,
                                    [FAULT] = 0x008};

    return (uint16_t)(BITS[m->state] | !!(m->last_command & COAST) << STATUS_ENABLED | f->hot << STATUS_HOT |
                      f->on_target << STATUS_ON_REFERENCE | f->remote << STATUS_BUS | !f->limited << STATUS_IN_LIMITS);
}

const profile DANFOSS_FC = {READY_TO_SWITCH_ON, 0x043C, ALARM_CONTROL_WORD, ALARM_MOTOR_ETR, step, status};
