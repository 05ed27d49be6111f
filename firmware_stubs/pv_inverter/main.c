/* A three-phase solar inverter with SunSpec models: inverter.c behind the registers of map.h. */
#include <math.h>
#include <stdio.h>

#include "device.h"
#include "map.h"
#include "orders.h"
#include "show.h"
#include "table.h"

static const setting OPTIONS[] = {
    {"--rated-kw", " kW", "AC rating", 1, 500, 100, false, NULL},
    {"--dc-ratio", "", "panels' rating over the AC rating", 0.5, 2, 1.2, false, NULL},
    {"--irradiance", " W/m2", "sun; with --day-s at noon under a clear sky", 0, 1500, 800, true, NULL},
    {"--day-s", " s", "a day from midnight to midnight, with clouds; 0: the sun stands", 0, 86400, 0, false, NULL},
    {"--start-hour", "", "time of the day at power-up", 0, 23.99, 12, false, NULL},
    {"--ambient-degc", " degC", "temperature outside", -40, 60, 20, false, NULL},
    {"--gradient", " %/s", "WGra at power-up, of WMax", 0.1, 1000, 100, false, NULL},
    {"--values", "", "a value written while its order is enabled counts at once, or when enabled again", 0, 1, 0, true,
     "at-once at-enable"},
    {"--start-s", " s", "from the wish to feed in to feeding in", 0, 600, 20, false, NULL},
};

static void put_identity(bank *b, double rated_w)
{
    static unsigned made; /* units are made in the order of their ids, each once */
    char serial[32], model[32];

    snprintf(serial, sizeof serial, "PV%06u", ++made);
    snprintf(model, sizeof model, "PV inverter %.0f kW", rated_w / 1000.0);
    put_text(b, COMMON + 2, 16, "coldloop");
    put_text(b, COMMON + 18, 16, model);
    put_text(b, COMMON + 42, 8, "1.0");
    put_text(b, COMMON + 50, 16, serial);
}

/* Powers of the ratings stay as they are; those of what is measured can be moved from the bench. */
static void put_ratings(bank *b, double rated_w)
{
    const int power = least_power_of_ten(rated_w);
    const uint16_t rating = counts_u16(rated_w, pow(10.0, power));

    bank_put(b, N_WRTG, rating);
    bank_put(b, N_WRTG_SF, (uint16_t)power);
    bank_put(b, N_VARTG, rating);
    bank_put(b, N_VARTG_SF, (uint16_t)power);
    bank_put(b, N_ARTG, counts_u16(rated_w / (3.0 * NOMINAL_VOLTAGE_V), 0.1));
    bank_put(b, S_WMAX, rating);
    bank_put(b, S_WMAX_SF, (uint16_t)power);
    bank_put(b, BENCH_POWER_SF, (uint16_t)power);
}

static void init(void *state, bank *b, const settings *s)
{
    inverter *v = state;

    v->rated_w = 1000.0 * settings_get(s, "--rated-kw");
    v->start_s = settings_get(s, "--start-s");
    v->values_at_once = settings_get(s, "--values") == 0.0;
    put_identity(b, v->rated_w);
    put_ratings(b, v->rated_w);
    bank_put_u32(b, D_SET_W, (uint32_t)v->rated_w, false);
    bank_put_u32(b, D_SET_W_AFTER, (uint32_t)v->rated_w, false);
    bank_put(b, S_WGRA, counts_u16(settings_get(s, "--gradient"), GRADIENT));
    bank_put(b, BENCH_IRRADIANCE, counts_u16(settings_get(s, "--irradiance"), 1.0));
    bank_put(b, BENCH_AMBIENT, counts_s16(settings_get(s, "--ambient-degc"), 0.1));
    orders_read_settings(v, b);
    orders_declare(v, b);
    v->array.day_s = settings_get(s, "--day-s");
    v->array.time_of_day = settings_get(s, "--start-hour") / 24.0;
    panel_init(&v->array, v->rated_w * settings_get(s, "--dc-ratio"), v->array.irradiance, v->array.ambient_degc);
    inverter_init(v);
    show(v, b);
}

static int check(const void *state, const bank *b, uint16_t first, const uint16_t *words, uint16_t count)
{
    return orders_check(state, b, first, words, count);
}

/* Shown at once, so that a read-back behind the write is of its own time. */
static void written(void *state, bank *b, uint16_t first, uint16_t count)
{
    orders_take(state, b, first, count);
    show(state, b);
}

static void step(void *state, double dt_s)
{
    orders_step(state, dt_s);
    inverter_step(state, dt_s);
}

static void publish(const void *state, bank *b)
{
    show(state, b);
}

static device_class pv_inverter = {
    .name = "pv_inverter",
    .what = "a three-phase solar inverter with SunSpec models 1, 103, 120, 121, 123, 701, 704",
    .settings = OPTIONS,
    .setting_count = sizeof OPTIONS / sizeof OPTIONS[0],
    .state_size = sizeof(inverter),
    .init = init,
    .check = check,
    .written = written,
    .step = step,
    .publish = publish,
};

int main(int argc, char **argv)
{
    pv_inverter.map = (register_map){MODEL_ROWS, MODEL_ROW_COUNT, 0, 0};
    return stub_main(&pv_inverter, argc, argv);
}
