#include "show.h"

#include <math.h>

#include "map.h"

static const double SQRT_3 = 1.7320508075688772;

/* The same state in the two enumerations. */
static const uint16_t STATE_103[] = {[SWITCHED_OFF] = 1,           [SLEEPING] = 2, [STARTING] = 3, [RUNNING] = 4,
                                     [SHUTTING_DOWN] = 6, [FAULT] = 7,    [STANDBY] = 8};
static const uint16_t STATE_701[] = {[SWITCHED_OFF] = 0,           [SLEEPING] = 1, [STARTING] = 2, [RUNNING] = 3,
                                     [SHUTTING_DOWN] = 5, [FAULT] = 6,    [STANDBY] = 7};
enum { THROTTLED_103 = 5, THROTTLED_701 = 4, PV_CLIPPED = 1 << 2 };

typedef struct {
    double power_w, dc_w, watts_a_count;
    uint16_t power, power_of_ten, total_current, current, phase_v, line_v;
} figures;

static figures figures_of(const inverter *v, const bank *b)
{
    figures f = {.power_w = v->output_w, .dc_w = v->dc_w, .power_of_ten = bank_word(b, BENCH_POWER_SF)};

    f.watts_a_count = pow(10.0, f.power_of_ten);
    f.power = counts_s16(f.power_w, f.watts_a_count);
    f.total_current = counts_s16(v->voltage_v > 0.0 ? f.power_w / v->voltage_v : 0.0, 0.1);
    f.current = counts_s16(v->voltage_v > 0.0 ? f.power_w / (3.0 * v->voltage_v) : 0.0, 0.1);
    f.phase_v = counts_u16(v->voltage_v, 0.1);
    f.line_v = counts_u16(SQRT_3 * v->voltage_v, 0.1);
    return f;
}

static void show_alike(bank *b, uint16_t address, uint16_t count, uint16_t value)
{
    for (uint16_t i = 0; i < count; i++)
        bank_put(b, (uint16_t)(address + i), value);
}

static void show_103(const inverter *v, bank *b, const figures *f)
{
    const double dc_v = panel_voltage_v(&v->array, f->dc_w);
    const bool throttled = v->state == RUNNING && v->throttled_by;

    bank_put(b, INVERTER + 2, f->total_current);
    show_alike(b, INVERTER + 3, 3, f->current);
    show_alike(b, INVERTER + 7, 3, f->line_v);
    show_alike(b, INVERTER + 10, 3, f->phase_v);
    bank_put(b, INVERTER + 14, f->power);
    bank_put(b, INVERTER + 16, counts_u16(v->frequency_hz, 0.01));
    bank_put(b, INVERTER + 18, f->power);
    bank_put(b, INVERTER + 22, 1000);
    bank_put_u32(b, INVERTER + 24, (uint32_t)fmod(floor(v->energy_wh), 4294967296.0), false);
    bank_put(b, INVERTER + 27, counts_u16(dc_v > 0.0 ? f->dc_w / dc_v : 0.0, 0.1));
    bank_put(b, INVERTER + 29, counts_u16(dc_v, 0.1));
    bank_put(b, INVERTER + 31, counts_s16(f->dc_w, f->watts_a_count));
    bank_put(b, INVERTER + 33, counts_s16(0.5 * (v->heat_sink_degc + v->array.ambient_degc), 0.1));
    bank_put(b, INVERTER + 34, counts_s16(v->heat_sink_degc, 0.1));
    bank_put(b, INVERTER + 38, throttled ? THROTTLED_103 : STATE_103[v->state]);
    bank_put_u32(b, INVERTER + 40, v->alarms, false);
    bank_put(b, INVERTER + 15, f->power_of_ten); /* W */
    bank_put(b, INVERTER + 19, f->power_of_ten); /* VA */
    bank_put(b, INVERTER + 21, f->power_of_ten); /* VAr */
    bank_put(b, INVERTER + 32, f->power_of_ten); /* DCW */
}

static void show_phase(bank *b, uint16_t address, const figures *f)
{
    const uint16_t third = counts_s16(f->power_w / 3.0, f->watts_a_count);

    bank_put(b, address, third);
    bank_put(b, (uint16_t)(address + 1), third);
    bank_put(b, (uint16_t)(address + 3), 1000);
    bank_put(b, (uint16_t)(address + 4), f->current);
    bank_put(b, (uint16_t)(address + 5), f->line_v);
    bank_put(b, (uint16_t)(address + 6), f->phase_v);
}

static void show_701(const inverter *v, bank *b, const figures *f)
{
    const bool throttled = v->state == RUNNING && v->throttled_by;
    const uint64_t energy = (uint64_t)v->energy_wh;
    const double held_back_w = throttled ? fmin(v->potential_w, v->rated_w) - v->output_w : 0.0;

    bank_put(b, DER_MEASURED + 3, inverter_is_connected(v));
    bank_put(b, DER_MEASURED + 4, throttled ? THROTTLED_701 : STATE_701[v->state]);
    bank_put(b, DER_MEASURED + 5, inverter_is_connected(v));
    bank_put_u32(b, DER_MEASURED + 6, v->alarms, false);
    bank_put_u32(b, DER_MEASURED + 8, 1u << 0 | (inverter_clips(v) ? PV_CLIPPED : 0u), false);
    bank_put(b, DER_MEASURED + 10, f->power);
    bank_put(b, DER_MEASURED + 11, f->power);
    bank_put(b, DER_MEASURED + 13, 1000);
    bank_put(b, DER_MEASURED + 14, f->total_current);
    bank_put(b, DER_MEASURED + 15, f->line_v);
    bank_put(b, DER_MEASURED + 16, f->phase_v);
    bank_put_u32(b, DER_MEASURED + 17, (uint32_t)(1000.0 * v->frequency_hz + 0.5), false);
    bank_put_u32(b, DER_MEASURED + 19, (uint32_t)(energy >> 32), false);
    bank_put_u32(b, DER_MEASURED + 21, (uint32_t)energy, false);
    bank_put(b, DER_MEASURED + 35, counts_s16(v->array.ambient_degc, 0.1));
    bank_put(b, DER_MEASURED + 36, bank_word(b, INVERTER + 33));
    bank_put(b, DER_MEASURED + 37, counts_s16(v->heat_sink_degc, 0.1));
    for (uint16_t first = 41; first <= 87; first = (uint16_t)(first + 23))
        show_phase(b, (uint16_t)(DER_MEASURED + first), f);
    bank_put(b, DER_MEASURED + 110, counts_u16(100.0 * fmax(held_back_w, 0.0) / v->maximum_w, 1.0));
    bank_put_u32(b, DER_MEASURED + 111, v->throttled_by, false);
    bank_put(b, DER_MEASURED + 116, f->power_of_ten);
    bank_put(b, DER_MEASURED + 118, f->power_of_ten);
    bank_put(b, DER_MEASURED + 119, f->power_of_ten);
}

static uint32_t seconds_left(const control *c)
{
    return c->enabled && c->left_s > 0.0 ? (uint32_t)ceil(c->left_s - CONTROL_ROUNDING_S) : 0u;
}

/* Enables as they hold, and after a reversion of 704 the values that were declared for it. */
static void show_orders(const inverter *v, bank *b)
{
    bank_put(b, C_LIMIT_ENA, v->limit_123.enabled);
    bank_put(b, C_CONN, !v->disconnect.enabled);
    bank_put(b, D_LIMIT_ENA, v->limit_704.enabled);
    bank_put(b, D_SET_ENA, v->set_704.enabled);
    bank_put_u32(b, D_LIMIT_REM, seconds_left(&v->limit_704), false);
    bank_put_u32(b, D_SET_REM, seconds_left(&v->set_704), false);
    if (v->limit_704.was_reverted)
        bank_put(b, D_LIMIT, bank_word(b, D_LIMIT_AFTER));
    if (v->set_704.was_reverted) {
        bank_put(b, D_SET_PCT, bank_word(b, D_SET_PCT_AFTER));
        bank_put_u32(b, D_SET_W, bank_u32(b, D_SET_W_AFTER, false), false);
    }
}

void show(const inverter *v, bank *b)
{
    const figures f = figures_of(v, b);

    show_103(v, b, &f);
    show_701(v, b, &f);
    show_orders(v, b);
    bank_put(b, BENCH_SUN_NOW, counts_u16(v->array.sun, 0.1));
    bank_put(b, BENCH_AVAILABLE, counts_u16(100.0 * v->potential_w / v->rated_w, 0.01));
}
