#include "abb_drives.h"

/* Control word: what is low asks for it. */
enum { OFF1 = 0x01, OFF2 = 0x02, OFF3 = 0x04, OPERATION = 0x08, REMOTE_COMMAND = 0x400 };
/* Status word, by bit. */
enum { STATUS_OFF2 = 4, STATUS_OFF3 = 5, STATUS_ALARM = 7, STATUS_AT_SETPOINT = 8, STATUS_REMOTE = 9, STATUS_ABOVE_LIMIT = 10 };
/* "EFB comm loss", "Motor overload". */
enum { FAULT_COMMUNICATION = 0x6681, FAULT_OVERLOAD = 0x7122 };

static machine_state from_ready(uint16_t word)
{
    if (!(word & OFF2) || !(word & OFF3))
        return SWITCH_ON_DISABLED;
    return word & OFF1 ? SWITCHED_ON : READY_TO_SWITCH_ON;
}

static machine_state from_switched_on(uint16_t word)
{
    const machine_state state = from_ready(word);

    return state == SWITCHED_ON && (word & OPERATION) ? OPERATION_ENABLED : state;
}

static machine_state from_enabled(machine *m, const machine_input *in)
{
    if (!(in->command & OFF2))
        return SWITCH_ON_DISABLED;
    if (!(in->command & OFF3))
        return QUICK_STOP_ACTIVE;
    if (!(in->command & OPERATION))
        return SWITCHED_ON;
    m->ramping_off = !(in->command & OFF1);
    return m->ramping_off && in->standstill ? READY_TO_SWITCH_ON : OPERATION_ENABLED;
}

static void advance(machine *m, const machine_input *in)
{
    switch (m->state) {
    case SWITCH_ON_DISABLED:
        if ((in->command & (OFF1 | OFF2 | OFF3)) == (OFF2 | OFF3))
            m->state = READY_TO_SWITCH_ON;
        break;
    case READY_TO_SWITCH_ON: m->state = from_ready(in->command); break;
    case SWITCHED_ON: m->state = from_switched_on(in->command); break;
    case OPERATION_ENABLED: m->state = from_enabled(m, in); break;
    case QUICK_STOP_ACTIVE:
        if (in->standstill || !(in->command & OFF2))
            m->state = SWITCH_ON_DISABLED;
        break;
    case FAULT_REACTION:
        if (in->standstill)
            m->state = FAULT;
        break;
    case FAULT:
        if (machine_is_reset(m, in))
            m->state = SWITCH_ON_DISABLED;
        break;
    }
}

static void step(machine *m, const machine_input *in)
{
    /* Without REMOTE_CMD the last word stands; one that fell silent is no word. */
    if (!(in->command & REMOTE_COMMAND) && m->state != FAULT_REACTION)
        return;
    advance(m, in);
    if (m->state != OPERATION_ENABLED)
        m->ramping_off = false;
    m->last_command = in->command;
}

static uint16_t status(const machine *m, const machine_flags *f)
{
    static const uint16_t BITS[] = {[SWITCH_ON_DISABLED] = 0x40, [READY_TO_SWITCH_ON] = 0x01, [SWITCHED_ON] = 0x03,
                                    [OPERATION_ENABLED] = 0x07,  [QUICK_STOP_ACTIVE] = 0x03,  [FAULT_REACTION] = 0x08,
                                    [FAULT] = 0x08};
    const uint16_t state = m->ramping_off ? 0x01 : BITS[m->state]; /* OFF1 active */

    return (uint16_t)(state | !!(m->last_command & OFF2) << STATUS_OFF2 | !!(m->last_command & OFF3) << STATUS_OFF3 |
                      f->hot << STATUS_ALARM | f->on_target << STATUS_AT_SETPOINT | f->remote << STATUS_REMOTE |
                      f->limited << STATUS_ABOVE_LIMIT);
}

const profile ABB_DRIVES = {SWITCH_ON_DISABLED, 0x047E, FAULT_COMMUNICATION, FAULT_OVERLOAD, step, status};
