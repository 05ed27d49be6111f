#include "cia402.h"

enum { STATUS_VOLTAGE = 4, STATUS_WARNING = 7, STATUS_REMOTE = 9, STATUS_ON_TARGET = 10, STATUS_LIMITED = 11,
       STATUS_REVERSE = 15 };
/* Altivar's SLF and OLF. */
enum { FAULT_COMMUNICATION = 5, FAULT_OVERLOAD = 17 };

/* Commands by the bits that decide them (IEC 61800-7-201, table of device control commands). */
static bool is_shutdown(uint16_t word)
{
    return (word & 0x87) == 0x06;
}

static bool is_switch_on(uint16_t word)
{
    return (word & 0x8F) == 0x07;
}

static bool is_enable_operation(uint16_t word)
{
    return (word & 0x8F) == 0x0F;
}

static bool is_disable_voltage(uint16_t word)
{
    return (word & 0x82) == 0x00;
}

static bool is_quick_stop(uint16_t word)
{
    return (word & 0x86) == 0x02;
}

static machine_state from_ready(uint16_t word)
{
    if (is_disable_voltage(word) || is_quick_stop(word))
        return SWITCH_ON_DISABLED;
    return is_switch_on(word) || is_enable_operation(word) ? SWITCHED_ON : READY_TO_SWITCH_ON;
}

static machine_state from_switched_on(uint16_t word)
{
    if (is_disable_voltage(word) || is_quick_stop(word))
        return SWITCH_ON_DISABLED;
    if (is_shutdown(word))
        return READY_TO_SWITCH_ON;
    return is_enable_operation(word) ? OPERATION_ENABLED : SWITCHED_ON;
}

static machine_state from_enabled(machine *m, const machine_input *in)
{
    if (is_disable_voltage(in->command))
        return SWITCH_ON_DISABLED;
    if (is_quick_stop(in->command))
        return QUICK_STOP_ACTIVE;
    if (is_shutdown(in->command))
        return READY_TO_SWITCH_ON;
    m->ramping_off = is_switch_on(in->command);
    return m->ramping_off && in->standstill ? SWITCHED_ON : OPERATION_ENABLED;
}

static machine_state from_quick_stop(const machine_input *in)
{
    return in->standstill || is_disable_voltage(in->command) ? SWITCH_ON_DISABLED : QUICK_STOP_ACTIVE;
}

static void step(machine *m, const machine_input *in)
{
    switch (m->state) {
    case SWITCH_ON_DISABLED:
        if (is_shutdown(in->command))
            m->state = READY_TO_SWITCH_ON;
        break;
    case READY_TO_SWITCH_ON: m->state = from_ready(in->command); break;
    case SWITCHED_ON: m->state = from_switched_on(in->command); break;
    case OPERATION_ENABLED: m->state = from_enabled(m, in); break;
    case QUICK_STOP_ACTIVE: m->state = from_quick_stop(in); break;
    case FAULT_REACTION:
        if (in->standstill)
            m->state = FAULT;
        break;
    case FAULT:
        if (machine_is_reset(m, in))
            m->state = SWITCH_ON_DISABLED;
        break;
    }
    if (m->state != OPERATION_ENABLED)
        m->ramping_off = false;
    m->last_command = in->command;
}

static uint16_t status(const machine *m, const machine_flags *f)
{
    static const uint16_t BITS[] = {[SWITCH_ON_DISABLED] = 0x40, [READY_TO_SWITCH_ON] = 0x21, [SWITCHED_ON] = 0x23,
                                    [OPERATION_ENABLED] = 0x27,  [QUICK_STOP_ACTIVE] = 0x07,  [FAULT_REACTION] = 0x0F,
                                    [FAULT] = 0x08};

    return (uint16_t)(BITS[m->state] | 1 << STATUS_VOLTAGE | f->hot << STATUS_WARNING | f->remote << STATUS_REMOTE |
                      f->on_target << STATUS_ON_TARGET | f->limited << STATUS_LIMITED | f->reverse << STATUS_REVERSE);
}

const profile CIA402 = {SWITCH_ON_DISABLED, 0x06, FAULT_COMMUNICATION, FAULT_OVERLOAD, step, status};
