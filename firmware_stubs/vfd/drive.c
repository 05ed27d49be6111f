#include "drive.h"

#include <math.h>
#include <string.h>

enum { NO_FAULT = 0 };

/* Altivar: the motor's thermal image trips at 118 % and may be reset below 100 %. */
static const double THERMAL_TRIP_PERCENT = 118.0;
static const double THERMAL_RESET_PERCENT = 100.0;
/* Quick stop: the deceleration ramp divided by this (Altivar's default). */
static const double QUICK_STOP_DIVIDER = 4.0;
static const double STANDSTILL_HZ = 0.05;
static const double SHORTEST_RAMP_S = 0.1;

void drive_init(drive *d, const profile *p, const motor_plate *plate)
{
    memset(d, 0, sizeof *d);
    d->profile = p;
    d->machine.state = p->at_rest;
    motor_init(&d->motor, plate);
    watchdog_init(&d->bus, INFINITY);
}

void drive_commanded(drive *d)
{
    /* The watch begins with the first command. */
    if (!d->commanded)
        watchdog_feed(&d->bus);
    d->commanded = true;
}

void drive_heard(drive *d)
{
    watchdog_feed(&d->bus);
}

bool drive_feeds_motor(const drive *d)
{
    return d->machine.state == OPERATION_ENABLED || d->machine.state == QUICK_STOP_ACTIVE ||
           d->machine.state == FAULT_REACTION;
}

static bool asks_reverse(const drive *d)
{
    return (d->orders.reference_hz < 0.0) != d->orders.reverse;
}

double drive_ramp_input_hz(const drive *d)
{
    const drive_orders *o = &d->orders;
    double hz = fabs(o->reference_hz);

    if (d->machine.state != OPERATION_ENABLED || d->machine.ramping_off || o->halt)
        return 0.0;
    hz = fmin(fmax(hz, o->low_speed_hz), o->high_speed_hz);
    return asks_reverse(d) ? -hz : hz;
}

static double toward(double from, double to, double step)
{
    if (to > from + step)
        return from + step;
    if (to < from - step)
        return from - step;
    return to;
}

static void ramp(drive *d, double dt_s)
{
    const drive_orders *o = &d->orders;
    const double target_hz = drive_ramp_input_hz(d);
    const bool away_from_zero = d->output_hz * target_hz >= 0.0 && fabs(target_hz) > fabs(d->output_hz);
    double ramp_s = fmax(away_from_zero ? o->acceleration_s : o->deceleration_s, SHORTEST_RAMP_S);

    if (d->machine.state == QUICK_STOP_ACTIVE)
        ramp_s /= QUICK_STOP_DIVIDER;
    d->output_hz = toward(d->output_hz, target_hz, d->motor.plate.rated_frequency_hz / ramp_s * dt_s);
}

static void turn_motor(drive *d, bool was_fed, double dt_s)
{
    const drive_orders *o = &d->orders;

    if (!drive_feeds_motor(d)) {
        d->output_hz = 0.0;
        motor_coast(&d->motor, o->load_share, o->thermal_current_a, dt_s);
        return;
    }
    if (!was_fed)
        d->output_hz = motor_shaft_frequency_hz(&d->motor); /* catches a shaft that still turns */
    ramp(d, dt_s);
    motor_run(&d->motor, d->output_hz, o->load_share, o->thermal_current_a, dt_s);
}

/* A second fault does not hide the first. */
static void trip(drive *d, uint16_t code, bool ramp_first)
{
    if (d->machine.state == FAULT || d->machine.state == FAULT_REACTION)
        return;
    memmove(d->faults + 1, d->faults, (FAULT_HISTORY - 1) * sizeof d->faults[0]);
    d->faults[0] = code;
    d->fault_now = code;
    d->machine.state = ramp_first && d->machine.state == OPERATION_ENABLED ? FAULT_REACTION : FAULT;
    d->machine.ramping_off = false;
}

static bool bus_is_lost(const drive *d)
{
    return d->commanded && !d->orders.local && d->orders.timeout_action != TIMEOUT_IGNORE &&
           d->bus.age_s > d->orders.timeout_s;
}

static void protect(drive *d)
{
    if (d->orders.trip)
        trip(d, d->orders.trip, false);
    if (d->motor.thermal_percent > THERMAL_TRIP_PERCENT)
        trip(d, d->profile->overload_fault, false);
    if (bus_is_lost(d) && d->orders.timeout_action != TIMEOUT_STOP)
        trip(d, d->profile->communication_fault, d->orders.timeout_action == TIMEOUT_RAMP);
}

static bool cause_remains(const drive *d)
{
    return d->orders.trip || bus_is_lost(d) ||
           (d->fault_now == d->profile->overload_fault && d->motor.thermal_percent > THERMAL_RESET_PERCENT);
}

static void obey(drive *d)
{
    const bool is_stopped = bus_is_lost(d) && d->orders.timeout_action == TIMEOUT_STOP;
    const uint16_t command = is_stopped ? d->profile->stop_word : d->orders.command;
    const machine_input in = {command, fabs(d->output_hz) < STANDSTILL_HZ, cause_remains(d)};

    if (d->orders.local) {
        /* The panel holds the drive: it stands, and what the bus wrote meanwhile starts nothing later. */
        if (d->machine.state != FAULT)
            d->machine = (machine){d->profile->at_rest, 0, false};
        d->machine.last_command = d->orders.command;
        return;
    }
    d->profile->step(&d->machine, &in);
    if (d->machine.state != FAULT && d->machine.state != FAULT_REACTION)
        d->fault_now = NO_FAULT;
}

void drive_step(drive *d, double dt_s)
{
    const bool was_fed = drive_feeds_motor(d);

    watchdog_tick(&d->bus, dt_s);
    obey(d);
    protect(d);
    turn_motor(d, was_fed, dt_s);
}

uint16_t drive_status_word(const drive *d)
{
    const double wanted_hz = drive_ramp_input_hz(d), asked_hz = fabs(d->orders.reference_hz);
    const bool runs = d->machine.state == OPERATION_ENABLED;
    const bool on_target = runs && fabs(d->output_hz - wanted_hz) < STANDSTILL_HZ;
    const bool limited = runs && wanted_hz != 0.0 && fabs(fabs(wanted_hz) - asked_hz) > 1e-9;

    const machine_flags flags = {d->motor.thermal_percent > 100.0, !d->orders.local, on_target, limited,
                                 d->output_hz < 0.0};

    return d->profile->status(&d->machine, &flags);
}
