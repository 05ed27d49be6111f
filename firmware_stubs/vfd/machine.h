/* What the profiles of drives have in common: the states a drive can be in. Which word leads where, and what the
   status word says of it, is the profile's. */
#ifndef MACHINE_H
#define MACHINE_H

#include <stdbool.h>
#include <stdint.h>

typedef enum {
    SWITCH_ON_DISABLED,
    READY_TO_SWITCH_ON,
    SWITCHED_ON,
    OPERATION_ENABLED,
    QUICK_STOP_ACTIVE,
    FAULT_REACTION, /* ramping down before the fault */
    FAULT
} machine_state;

typedef struct {
    machine_state state;
    uint16_t last_command; /* for the rising edge of bit 7 */
    bool ramping_off;      /* ramps to standstill, where the state changes */
} machine;

/* What the machine must know of the drive. */
typedef struct {
    uint16_t command;
    bool standstill;
    bool fault_present; /* the cause is there: it cannot be reset */
} machine_input;

/* What a status word shows beside the state. */
typedef struct {
    bool hot, remote, on_target, limited, reverse;
} machine_flags;

typedef struct {
    machine_state at_rest; /* at power-up, and when the panel lets go */
    uint16_t stop_word;    /* what a bus that has fallen silent stands for, where it is no fault */
    uint16_t communication_fault, overload_fault;

    /* One step, at most one transition. */
    void (*step)(machine *m, const machine_input *in);
    uint16_t (*status)(const machine *m, const machine_flags *f);
} profile;

/* The rising edge of bit 7, which every profile resets a fault with, while the cause is gone. */
static inline bool machine_is_reset(const machine *m, const machine_input *in)
{
    return (in->command & ~m->last_command & 0x80) && !in->fault_present;
}

#endif
