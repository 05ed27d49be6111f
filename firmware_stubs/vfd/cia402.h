/* The CiA 402 state machine (IEC 61800-7-201): command word in, state and status bits out. */
#ifndef CIA402_H
#define CIA402_H

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
} cia402_state;

typedef struct {
    cia402_state state;
    uint16_t last_command; /* for the rising edge of bit 7 */
    bool ramping_off;      /* disable operation: the state changes at standstill */
} cia402;

/* What the machine must know of the drive. */
typedef struct {
    uint16_t command;
    bool standstill;
    bool fault_present; /* the cause is there: it cannot be reset */
} cia402_input;

void cia402_init(cia402 *m);

/* One step. At most one transition, except that 15 from ready passes through switched on in two steps. */
void cia402_step(cia402 *m, const cia402_input *in);

/* A fault: at once, or after a ramp down. */
void cia402_fault(cia402 *m, bool ramp_first);

/* Bits 0 to 3, 5 and 6 of the status word. */
uint16_t cia402_status(const cia402 *m);

/* Forgets the command's last value, as after local control: an edge must come anew. */
void cia402_forget(cia402 *m, uint16_t command);

#endif
