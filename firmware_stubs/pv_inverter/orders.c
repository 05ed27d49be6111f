#include "orders.h"

#include <math.h>

#include "map.h"
#include "request.h"

static const uint16_t PAIRS[] = {D_LIMIT_RVRT, D_SET_W, D_SET_W_AFTER, D_SET_RVRT};
enum { PAIR_COUNT = sizeof PAIRS / sizeof PAIRS[0] };
static const uint32_t NOT_IMPLEMENTED_U32 = 0xFFFFFFFF;

static bool covers(uint16_t first, uint16_t count, uint16_t address)
{
    return address >= first && address < first + count;
}

int least_power_of_ten(double rated_w)
{
    int power = 0;

    while (1.3 * rated_w / pow(10.0, power) > 32767.0)
        power++;
    return power;
}

/* A number of two registers: written whole, seconds not as "not implemented", power not below 0 nor above the rating. */
static bool takes_pair(const inverter *v, uint16_t address, const uint16_t *words)
{
    const uint32_t value = (uint32_t)words[0] << 16 | words[1];

    if (address == D_LIMIT_RVRT || address == D_SET_RVRT)
        return value != NOT_IMPLEMENTED_U32;
    return value <= (uint32_t)v->rated_w;
}

int orders_check(const inverter *v, const bank *b, uint16_t first, const uint16_t *words, uint16_t count)
{
    const double watts_a_count = pow(10.0, bank_signed(b, S_WMAX_SF));

    for (int i = 0; i < PAIR_COUNT; i++) {
        const bool has_high = covers(first, count, PAIRS[i]);

        if (has_high != covers(first, count, (uint16_t)(PAIRS[i] + 1)))
            return ILLEGAL_VALUE;
        if (has_high && !takes_pair(v, PAIRS[i], words + (PAIRS[i] - first)))
            return ILLEGAL_VALUE;
    }
    if (covers(first, count, S_WMAX) && words[S_WMAX - first] * watts_a_count > v->rated_w * (1.0 + 1e-9))
        return ILLEGAL_VALUE;
    if (covers(first, count, BENCH_POWER_SF) && words[BENCH_POWER_SF - first] < least_power_of_ten(v->rated_w))
        return ILLEGAL_VALUE;
    return ACCEPTED;
}

void orders_read_settings(inverter *v, const bank *b)
{
    v->maximum_w = bank_word(b, S_WMAX) * pow(10.0, bank_signed(b, S_WMAX_SF));
    v->gradient = 0.01 * GRADIENT * bank_word(b, S_WGRA);
    v->array.irradiance = bank_word(b, BENCH_IRRADIANCE);
    v->array.ambient_degc = 0.1 * bank_signed(b, BENCH_AMBIENT);
    v->frequency_hz = 0.01 * bank_word(b, BENCH_FREQUENCY);
    v->voltage_v = 0.1 * bank_word(b, BENCH_VOLTAGE);
    v->earth_fault = bank_word(b, BENCH_FAULT) == 1;
}

/* Set-point of 704 in W: of its two registers the one that WSetMod names. */
static double set_point_w(const inverter *v, const bank *b, uint16_t percent, uint16_t watts)
{
    if (bank_word(b, D_SET_MOD) == 1)
        return bank_u32(b, watts, false);
    return 0.01 * PERCENT_704 * bank_word(b, percent) * v->maximum_w;
}

void orders_declare(inverter *v, const bank *b)
{
    const double limit = 0.01 * PERCENT_704 * bank_word(b, D_LIMIT_AFTER);
    const double set_w = set_point_w(v, b, D_SET_PCT_AFTER, D_SET_W_AFTER);

    v->limit_704_after = bank_word(b, D_LIMIT_ENA_AFTER) ? limit : -1.0;
    v->set_704_after = bank_word(b, D_SET_ENA_AFTER) ? set_w : -1.0;
}

static void order_or_end(control *c, bool wanted, order given)
{
    if (wanted)
        control_enable(c, given);
    else
        control_disable(c);
}

static bool touches(uint16_t first, uint16_t count, uint16_t low, uint16_t high)
{
    return first <= high && first + count > low;
}

static void take_123(inverter *v, const bank *b, uint16_t first, uint16_t count)
{
    const order limit = {.value = 0.01 * PERCENT_123 * bank_word(b, C_LIMIT), .begins_s = bank_word(b, C_LIMIT_WIN),
                         .reverts_s = bank_word(b, C_LIMIT_RVRT), .ramp_s = bank_word(b, C_LIMIT_RMP)};
    const order apart = {.begins_s = bank_word(b, C_CONN_WIN), .reverts_s = bank_word(b, C_CONN_RVRT)};

    if (covers(first, count, C_LIMIT_ENA))
        order_or_end(&v->limit_123, bank_word(b, C_LIMIT_ENA) == 1, limit);
    else if (touches(first, count, C_LIMIT, C_LIMIT_RMP))
        control_change(&v->limit_123, limit, v->values_at_once);
    if (covers(first, count, C_CONN))
        order_or_end(&v->disconnect, bank_word(b, C_CONN) == 0, apart);
}

static void take_704(inverter *v, const bank *b, uint16_t first, uint16_t count)
{
    const order limit = {.value = 0.01 * PERCENT_704 * bank_word(b, D_LIMIT),
                         .reverts_s = bank_u32(b, D_LIMIT_RVRT, false)};
    const order set = {.value = set_point_w(v, b, D_SET_PCT, D_SET_W), .reverts_s = bank_u32(b, D_SET_RVRT, false)};

    orders_declare(v, b);
    /* What is written after a reversion is shown as written. */
    if (covers(first, count, D_LIMIT) || covers(first, count, D_LIMIT_AFTER))
        v->limit_704.was_reverted = false;
    if (touches(first, count, D_SET_W, D_SET_PCT_AFTER))
        v->set_704.was_reverted = false;
    if (covers(first, count, D_LIMIT_ENA))
        order_or_end(&v->limit_704, bank_word(b, D_LIMIT_ENA) == 1, limit);
    else if (touches(first, count, D_LIMIT, D_LIMIT_RVRT + 1))
        control_change(&v->limit_704, limit, v->values_at_once);
    if (covers(first, count, D_SET_ENA))
        order_or_end(&v->set_704, bank_word(b, D_SET_ENA) == 1, set);
    else if (touches(first, count, D_SET_MOD, D_SET_RVRT + 1))
        control_change(&v->set_704, set, v->values_at_once);
}

void orders_take(inverter *v, const bank *b, uint16_t first, uint16_t count)
{
    orders_read_settings(v, b);
    take_123(v, b, first, count);
    take_704(v, b, first, count);
}

static void revert_704(control *c, double after)
{
    if (after < 0.0)
        return;
    control_enable(c, (order){.value = after});
    c->was_reverted = true;
}

void orders_step(inverter *v, double dt_s)
{
    control_step(&v->limit_123, dt_s);
    control_step(&v->disconnect, dt_s);
    if (control_step(&v->limit_704, dt_s))
        revert_704(&v->limit_704, v->limit_704_after);
    if (control_step(&v->set_704, dt_s))
        revert_704(&v->set_704, v->set_704_after);
}
