/* The inverter: panels, conversion, grid, orders, states. Knows no register. */
#ifndef INVERTER_H
#define INVERTER_H

#include <stdbool.h>
#include <stdint.h>

#include "control.h"
#include "panel.h"

enum inverter_state { SWITCHED_OFF, SLEEPING, STARTING, RUNNING, SHUTTING_DOWN, FAULT, STANDBY };

/* Bits of 103's Evt1 and of 701's Alrm: the same in both. */
enum {
    ALARM_EARTH_FAULT = 1 << 0,
    ALARM_GRID_DISCONNECT = 1 << 4,
    ALARM_MANUAL_SHUTDOWN = 1 << 6,
    ALARM_OVER_FREQUENCY = 1 << 8,
    ALARM_UNDER_FREQUENCY = 1 << 9,
    ALARM_OVER_VOLTAGE = 1 << 10,
    ALARM_UNDER_VOLTAGE = 1 << 11,
};

/* Bits of 701's ThrotSrc. */
enum { THROTTLED_BY_LIMIT = 1 << 0, THROTTLED_BY_SETPOINT = 1 << 1 };

typedef struct {
    panel array;
    double rated_w, start_s;
    bool values_at_once; /* values written while their order is enabled count at once, not from the next enable */

    /* Settings, orders and surroundings, from registers. */
    double maximum_w;  /* WMax */
    double gradient;   /* WGra, share of WMax in a second */
    control limit_123, limit_704, set_704; /* values: share of WMax; of the set-point in W */
    control disconnect;
    double limit_704_after, set_704_after; /* what comes after their reversion; negative: nothing */
    double frequency_hz, voltage_v;
    bool earth_fault;

    enum inverter_state state;
    double cap_w, wanted_w, rate_w_s; /* what the orders leave, on its way to what they want, and how fast */
    double output_w, potential_w, dc_w;
    double starting_s, out_of_range_s;
    double heat_sink_degc;
    double energy_wh;
    uint32_t alarms, throttled_by;
} inverter;

void inverter_init(inverter *v);
void inverter_step(inverter *v, double dt_s);

/* DC power that an AC output takes, W. */
double inverter_dc_w(const inverter *v, double ac_w);

bool inverter_is_connected(const inverter *v);

/* More than the rating could be had from the sun. */
bool inverter_clips(const inverter *v);

#endif
