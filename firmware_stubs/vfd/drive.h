/* The drive: commands of the bus through its profile's machine to an output frequency, protections, the motor. Knows
   nothing of sockets or clocks. */
#ifndef DRIVE_H
#define DRIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "machine.h"
#include "motor.h"
#include "watchdog.h"

enum { FAULT_HISTORY = 7 };

/* What a bus that has fallen silent does. Stop: as if the command to stop had come, and no fault; what comes when the
   bus is back counts again. */
enum timeout_action { TIMEOUT_IGNORE = 0, TIMEOUT_FREEWHEEL = 1, TIMEOUT_RAMP = 2, TIMEOUT_STOP = 3 };

/* What bus and bench have written, engineering units. */
typedef struct {
    uint16_t command;
    bool halt, reverse;  /* beside the machine: stands though enabled; turns the other way */
    double reference_hz; /* signed */
    double high_speed_hz, low_speed_hz;
    double acceleration_s, deceleration_s; /* 0 to rated frequency */
    double thermal_current_a, timeout_s;
    enum timeout_action timeout_action;
    double load_share;
    uint16_t trip;
    bool local;
} drive_orders;

typedef struct {
    drive_orders orders;
    const profile *profile;
    machine machine;
    motor motor;
    watchdog bus;
    bool commanded;      /* a command has come over the bus: from then on it is watched */
    double output_hz;    /* signed; 0 while the motor has no current */
    uint16_t fault_now;
    uint16_t faults[FAULT_HISTORY]; /* the last first */
} drive;

void drive_init(drive *d, const profile *p, const motor_plate *plate);

/* The command word or a reference was written. */
void drive_commanded(drive *d);

/* What feeds the watch over the bus was heard. */
void drive_heard(drive *d);
void drive_step(drive *d, double dt_s);

/* As its profile has it. */
uint16_t drive_status_word(const drive *d);

/* The reference after the limits and before the ramp, Hz, signed; 0 where the state gives none. */
double drive_ramp_input_hz(const drive *d);

/* True where the inverter feeds the motor. */
bool drive_feeds_motor(const drive *d);

#endif
