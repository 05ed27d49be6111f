#include "valve.h"

#include <math.h>

/* Rangeability of an equal-percentage plug (IEC 60534-2-4: Kv / Kvs = R^(h - 1)). */
static const double RANGEABILITY = 50.0;
/* Below this lift the plug closes the seat in proportion: the law alone would never shut. */
static const double SEAT_LIFT = 0.05;
/* Ultrasonic transit time, averaged by the sensor. */
static const double FLOW_SENSOR_S = 0.5;
/* Flow control: the position moves by this share of the flow error each second; slow beside a 90 s stroke. */
static const double FLOW_GAIN_1_S = 0.1;
static const double FLOW_DEAD_BAND_PERCENT = 0.5;

double valve_free_area(double lift)
{
    if (lift <= 0.0)
        return 0.0;
    if (lift < SEAT_LIFT)
        return lift / SEAT_LIFT * pow(RANGEABILITY, SEAT_LIFT - 1.0);
    return pow(RANGEABILITY, lift - 1.0);
}

void valve_init(valve *v, const valve_settings *s)
{
    *v = (valve){.settings = *s};
    actuator_init(&v->actuator, s->start_percent, s->stroke_s, s->dead_band_percent, s->backlash_percent);
    watchdog_init(&v->bus, s->watchdog_s);
    /* A fresh device has waited for nobody yet. */
    watchdog_feed(&v->bus);
    v->demand_percent = s->start_percent;
}

void valve_heard(valve *v)
{
    watchdog_feed(&v->bus);
}

void valve_command(valve *v, enum command_word word)
{
    switch (word) {
    case COMMAND_SYNCHRONISE:
        v->run[0] = 0.0;
        v->run_left = 1;
        break;
    case COMMAND_ADAPT:
    case COMMAND_TEST:
        v->run[1] = 0.0; /* run backwards: closed first, then open */
        v->run[0] = 100.0;
        v->run_left = 2;
        break;
    case COMMAND_RESET:
        v->cannot_move = false;
        v->actuator.held_s = 0.0;
        break;
    case COMMAND_NONE: break;
    }
}

static double position_for(const valve *v, double setpoint_percent)
{
    const valve_orders *o = &v->orders;

    return o->minimum_percent + 0.01 * setpoint_percent * (o->maximum_percent - o->minimum_percent);
}

/* The position that brings the flow to the set-point: an integrator that holds inside a small error. */
static double flow_demand(const valve *v, double setpoint_percent, double dt_s)
{
    const double wanted = position_for(v, setpoint_percent);
    const double is = 100.0 * v->shown_flow_l_min / v->settings.nominal_flow_l_min;

    if (setpoint_percent <= 0.0)
        return 0.0;
    if (fabs(wanted - is) < FLOW_DEAD_BAND_PERCENT)
        return v->demand_percent;
    return fmin(fmax(v->demand_percent + FLOW_GAIN_1_S * (wanted - is) * dt_s, 0.0), 100.0);
}

static double fail_demand(const valve *v)
{
    switch (v->orders.fail_position) {
    case FAIL_CLOSE: return 0.0;
    case FAIL_OPEN: return 100.0;
    case FAIL_MIDDLE: return 50.0;
    default: return v->demand_percent;
    }
}

static double ordered_demand(const valve *v, double dt_s)
{
    const valve_orders *o = &v->orders;
    const double setpoint = o->from_bus ? o->setpoint_percent : o->analogue_percent;

    switch (o->override) {
    case OVERRIDE_OPEN: return 100.0;
    case OVERRIDE_CLOSE: return 0.0;
    case OVERRIDE_MINIMUM: return o->minimum_percent;
    case OVERRIDE_MIDDLE: return 0.5 * (o->minimum_percent + o->maximum_percent);
    case OVERRIDE_MAXIMUM: return o->maximum_percent;
    default: return o->flow_control ? flow_demand(v, setpoint, dt_s) : position_for(v, setpoint);
    }
}

static bool watchdog_tripped(const valve *v)
{
    return v->orders.from_bus && !watchdog_alive(&v->bus);
}

/* An internal run outranks the watchdog, the watchdog outranks the orders. */
static void choose_demand(valve *v, double dt_s)
{
    while (v->run_left > 0 && v->actuator.gear_percent == v->run[v->run_left - 1])
        v->run_left--;
    if (v->run_left > 0)
        v->demand_percent = v->run[v->run_left - 1];
    else
        v->demand_percent = watchdog_tripped(v) ? fail_demand(v) : ordered_demand(v, dt_s);
}

/* Valve and branch in series on one pressure difference: q / q_nominal = sqrt(dp / dp_nominal) /
   sqrt(1 - N + N / a^2), with the authority N and the free area a. */
static double branch_flow(const valve *v)
{
    const valve_settings *s = &v->settings;
    const double area = valve_free_area(0.01 * v->actuator.stem_percent) * (1.0 - 0.01 * v->orders.blocked_percent);

    if (area <= 0.0 || v->orders.dp_kpa <= 0.0)
        return 0.0;
    return s->nominal_flow_l_min * sqrt(v->orders.dp_kpa / s->nominal_dp_kpa) /
           sqrt(1.0 - s->authority + s->authority / (area * area));
}

void valve_step(valve *v, double dt_s)
{
    watchdog_tick(&v->bus, dt_s);
    choose_demand(v, dt_s);
    actuator_move(&v->actuator, v->demand_percent, dt_s, v->orders.stuck);
    if (actuator_cannot_move(&v->actuator))
        v->cannot_move = true;
    v->true_flow_l_min = branch_flow(v);
    v->shown_flow_l_min += (1.0 - exp(-dt_s / FLOW_SENSOR_S)) * (v->true_flow_l_min - v->shown_flow_l_min);
}

uint16_t valve_faults(const valve *v)
{
    return (uint16_t)(v->cannot_move << FAULT_CANNOT_MOVE | (v->run_left > 0) << FAULT_INTERNAL_ACTIVITY |
                      watchdog_tripped(v) << FAULT_WATCHDOG);
}
