#include "inverter.h"

#include <math.h>

/* Losses as shares of the rating: always, in proportion, with the square. 97.7 % at full load, best 97.9 % at half. */
static const double LOSS_FIXED = 0.003, LOSS_LINEAR = 0.010, LOSS_SQUARE = 0.010;
static const double WAKE_SHARE = 0.010, SLEEP_SHARE = 0.005, DARK = 1.0; /* of the DC rating, W/m2 */
static const double LOW_HZ = 47.5, HIGH_HZ = 51.5, LOW_V = 184.0, HIGH_V = 264.5, TRIP_S = 0.2;
static const double SINK_RISE_K = 40.0, SINK_TAU_S = 300.0;
static const double EARLIER_H = 1000.0; /* of full load before this power-up */
static const double TOLERANCE = 0.001; /* of the rating: nearer than this is not throttled */

double inverter_dc_w(const inverter *v, double ac_w)
{
    if (ac_w <= 0.0)
        return 0.0;
    return ac_w + LOSS_FIXED * v->rated_w + LOSS_LINEAR * ac_w + LOSS_SQUARE * ac_w * ac_w / v->rated_w;
}

/* AC power that a DC power gives: the equation above the other way round. */
static double ac_of_dc_w(const inverter *v, double dc_w)
{
    const double a = LOSS_SQUARE / v->rated_w, b = 1.0 + LOSS_LINEAR, c = LOSS_FIXED * v->rated_w - dc_w;

    return c >= 0.0 ? 0.0 : (sqrt(b * b - 4.0 * a * c) - b) / (2.0 * a);
}

bool inverter_clips(const inverter *v)
{
    return v->state == RUNNING && v->potential_w > v->rated_w && v->throttled_by == 0;
}

bool inverter_is_connected(const inverter *v)
{
    return v->state == RUNNING || v->state == SHUTTING_DOWN;
}

static uint32_t grid_alarms(const inverter *v)
{
    uint32_t alarms = 0;

    alarms |= v->frequency_hz > HIGH_HZ ? ALARM_OVER_FREQUENCY : 0;
    alarms |= v->frequency_hz < LOW_HZ ? ALARM_UNDER_FREQUENCY : 0;
    alarms |= v->voltage_v > HIGH_V ? ALARM_OVER_VOLTAGE : 0;
    alarms |= v->voltage_v < LOW_V ? ALARM_UNDER_VOLTAGE : 0;
    return alarms;
}

static void judge_surroundings(inverter *v, double dt_s)
{
    const uint32_t grid = grid_alarms(v);

    v->out_of_range_s = grid ? v->out_of_range_s + dt_s : 0.0;
    v->alarms = v->out_of_range_s >= TRIP_S ? grid | ALARM_GRID_DISCONNECT : 0;
    v->alarms |= v->disconnect.holds ? ALARM_MANUAL_SHUTDOWN : 0;
    v->alarms |= v->earth_fault ? ALARM_EARTH_FAULT : 0;
}

static bool is_dark(const inverter *v)
{
    const bool awake = v->state == RUNNING || v->state == STARTING;

    return v->array.available_w < (awake ? SLEEP_SHARE : WAKE_SHARE) * v->array.rated_w;
}

/* What the surroundings and the orders want; the way to RUNNING is by STARTING only. */
static enum inverter_state next_state(inverter *v, double dt_s)
{
    if (v->alarms & ALARM_EARTH_FAULT)
        return FAULT;
    if (v->alarms & ALARM_GRID_DISCONNECT)
        return STANDBY;
    if (v->alarms & ALARM_MANUAL_SHUTDOWN)
        return v->output_w > 0.0 ? SHUTTING_DOWN : STANDBY;
    if (is_dark(v))
        return v->array.sun < DARK ? SWITCHED_OFF : SLEEPING;
    if (v->state == RUNNING)
        return RUNNING;
    v->starting_s = v->state == STARTING ? v->starting_s + dt_s : 0.0;
    return v->starting_s >= v->start_s ? RUNNING : STARTING;
}

/* What the enabled orders leave: where both models limit, the lower holds. */
static double wanted_cap_w(const inverter *v, double *ramp_s, uint32_t *by)
{
    double cap_w = v->maximum_w;

    *ramp_s = 0.0;
    *by = v->maximum_w < v->rated_w ? THROTTLED_BY_LIMIT : 0;
    if (v->limit_123.holds && v->limit_123.value * v->maximum_w <= cap_w) {
        cap_w = v->limit_123.value * v->maximum_w;
        *ramp_s = v->limit_123.ramp_s;
        *by = THROTTLED_BY_LIMIT;
    }
    if (v->limit_704.holds && v->limit_704.value * v->maximum_w <= cap_w) {
        cap_w = v->limit_704.value * v->maximum_w;
        *ramp_s = 0.0;
        *by = THROTTLED_BY_LIMIT;
    }
    if (v->set_704.holds && v->set_704.value <= cap_w) {
        cap_w = v->set_704.value;
        *ramp_s = 0.0;
        *by = THROTTLED_BY_SETPOINT;
    }
    return cap_w;
}

static double toward(double from, double to, double most)
{
    return to > from ? fmin(from + most, to) : fmax(from - most, to);
}

/* A ramp time is that of one change, reckoned when the change is wanted: the same order again does not draw it out. */
static void move_cap(inverter *v, double wanted_w, double ramp_s, double dt_s)
{
    if (wanted_w != v->wanted_w) {
        /* A lower cap bites at once: from the power there is, not from one that there never was. */
        if (v->cap_w > wanted_w)
            v->cap_w = fmin(v->cap_w, fmax(v->output_w, wanted_w));
        v->wanted_w = wanted_w;
        v->rate_w_s = ramp_s > 0.0 ? fabs(v->cap_w - wanted_w) / ramp_s : v->gradient * v->maximum_w;
    }
    v->cap_w = toward(v->cap_w, wanted_w, v->rate_w_s * dt_s);
}

/* Follows the sun down at once, for there is no more; up, and down by an order, along the ramp. */
static void produce(inverter *v, double dt_s)
{
    const double step_w = v->gradient * v->maximum_w * dt_s;
    double ramp_s;
    uint32_t by;
    const double wanted_w = wanted_cap_w(v, &ramp_s, &by);

    move_cap(v, wanted_w, ramp_s, dt_s);
    if (v->state == SHUTTING_DOWN)
        v->output_w = fmin(fmax(v->output_w - step_w, 0.0), v->potential_w);
    else if (v->state == RUNNING)
        v->output_w = fmin(fmin(v->output_w + step_w, fmin(v->potential_w, v->rated_w)), v->cap_w);
    else
        v->output_w = 0.0;
    if (v->state != RUNNING || v->potential_w <= v->cap_w + TOLERANCE * v->rated_w || v->cap_w >= v->rated_w)
        by = 0;
    v->throttled_by = by;
}

void inverter_init(inverter *v)
{
    v->potential_w = ac_of_dc_w(v, v->array.available_w);
    v->state = is_dark(v) ? SLEEPING : RUNNING;
    v->cap_w = v->wanted_w = v->maximum_w;
    v->output_w = v->state == RUNNING ? fmin(v->potential_w, v->maximum_w) : 0.0;
    v->dc_w = inverter_dc_w(v, v->output_w);
    v->heat_sink_degc = v->array.ambient_degc;
    v->energy_wh = EARLIER_H * v->rated_w; /* an accumulator of 0 would mean that there is none */
}

void inverter_step(inverter *v, double dt_s)
{
    double loss_share;

    panel_step(&v->array, dt_s);
    v->potential_w = ac_of_dc_w(v, v->array.available_w);
    judge_surroundings(v, dt_s);
    v->state = next_state(v, dt_s);
    produce(v, dt_s);
    v->dc_w = inverter_dc_w(v, v->output_w);
    v->energy_wh += v->output_w * dt_s / 3600.0;
    loss_share = (v->dc_w - v->output_w) / (inverter_dc_w(v, v->rated_w) - v->rated_w);
    v->heat_sink_degc +=
        (v->array.ambient_degc + SINK_RISE_K * loss_share - v->heat_sink_degc) * (1.0 - exp(-dt_s / SINK_TAU_S));
}
