#include "cia402.h"

enum { BIT_FAULT_RESET = 0x80 };

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

void cia402_init(cia402 *m)
{
    *m = (cia402){SWITCH_ON_DISABLED, 0, false};
}

static cia402_state from_ready(uint16_t word)
{
    if (is_disable_voltage(word) || is_quick_stop(word))
        return SWITCH_ON_DISABLED;
    return is_switch_on(word) || is_enable_operation(word) ? SWITCHED_ON : READY_TO_SWITCH_ON;
}

static cia402_state from_switched_on(uint16_t word)
{
    if (is_disable_voltage(word) || is_quick_stop(word))
        return SWITCH_ON_DISABLED;
    if (is_shutdown(word))
        return READY_TO_SWITCH_ON;
    return is_enable_operation(word) ? OPERATION_ENABLED : SWITCHED_ON;
}

static cia402_state from_enabled(cia402 *m, const cia402_input *in)
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

static cia402_state from_quick_stop(const cia402_input *in)
{
    return in->standstill || is_disable_voltage(in->command) ? SWITCH_ON_DISABLED : QUICK_STOP_ACTIVE;
}

static cia402_state from_fault(const cia402 *m, const cia402_input *in)
{
    const bool edge = (in->command & BIT_FAULT_RESET) && !(m->last_command & BIT_FAULT_RESET);

    return edge && !in->fault_present ? SWITCH_ON_DISABLED : FAULT;
}

void cia402_step(cia402 *m, const cia402_input *in)
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
    case FAULT: m->state = from_fault(m, in); break;
    }
    if (m->state != OPERATION_ENABLED)
        m->ramping_off = false;
    m->last_command = in->command;
}

void cia402_fault(cia402 *m, bool ramp_first)
{
    m->state = ramp_first ? FAULT_REACTION : FAULT;
    m->ramping_off = false;
}

uint16_t cia402_status(const cia402 *m)
{
    static const uint16_t BITS[] = {[SWITCH_ON_DISABLED] = 0x40, [READY_TO_SWITCH_ON] = 0x21, [SWITCHED_ON] = 0x23,
                                    [OPERATION_ENABLED] = 0x27,  [QUICK_STOP_ACTIVE] = 0x07,  [FAULT_REACTION] = 0x0F,
                                    [FAULT] = 0x08};

    return BITS[m->state];
}

void cia402_forget(cia402 *m, uint16_t command)
{
    m->last_command = command;
}
