/* A valve actuator with a flow sensor: valve.c behind the registers of map.h. */
#include <math.h>
#include <stdio.h>

#include "device.h"
#include "request.h"
#include "valve.h"

static const setting OPTIONS[] = {
    {"--stroke-s", " s", "0 to 100 %", 1, 600, 90, false, NULL},
    {"--dead-band", " %", "the motor rests while it is this near its target", 0, 10, 0.5, false, NULL},
    {"--backlash", " %", "play between gear and stem", 0, 10, 0.5, false, NULL},
    {"--start-position", " %", "at power-up", 0, 100, 0, false, NULL},
    {"--watchdog-s", " s", "set-point or override must be written within this", 0.1, 3600, 120, false, NULL},
    {"--fail-position", "", "where it goes without them", 0, 3, FAIL_OPEN, true, "last close open middle"},
    {"--nominal-flow", " L/min", "wide open at the nominal pressure difference", 1, 60000, 600, false, NULL},
    {"--nominal-dp-kpa", " kPa", "over valve and branch", 1, 1000, 100, false, NULL},
    {"--authority", "", "the valve's share of it, wide open", 0.01, 1, 0.5, false, NULL},
};

static const register_row HOLDING[] = {
    TAKES(HR_SETPOINT, 0, 10000, 0),
    TAKES(HR_OVERRIDE, OVERRIDE_NONE, OVERRIDE_MAXIMUM, OVERRIDE_NONE),
    TAKES(HR_COMMAND, COMMAND_NONE, COMMAND_RESET, COMMAND_NONE),
    READ_ONLY(HR_TYPE, 1, 4), /* energy valve */
    READ_ONLY(HR_POSITION, 4, 0),
    READ_ONLY(HR_FLOW, 2, 0),
    READ_ONLY(HR_SERIAL_NUMBER, 3, 839),
    READ_ONLY(HR_FIRMWARE, 1, 302),
    READ_ONLY(HR_FAULT, 1, 0),
    TAKES(HR_MINIMUM, 0, 10000, 0),
    TAKES(HR_MAXIMUM, 2000, 10000, 10000),
    TAKES(HR_FAIL_POSITION, FAIL_LAST, FAIL_MIDDLE, FAIL_OPEN),
    READ_ONLY(HR_NOMINAL_FLOW, 2, 0),
    TAKES(HR_CONTROL_MODE, 0, 1, 0),
    TAKES(HR_FLOW_UNIT, 0, FLOW_UNITS - 1, UNIT_L_MIN),
    TAKES(HR_SETPOINT_SOURCE, 0, 1, 1),
    TAKES_ANY(HR_BENCH_DP, 1, 0),
    TAKES(HR_BENCH_STUCK, 0, 1, 0),
    TAKES(HR_BENCH_BLOCKED, 0, 10000, 0),
    TAKES(HR_BENCH_ANALOGUE, 0, 10000, 0),
};

/* One unit of each kind in L/min. */
static const double L_MIN_PER_UNIT[FLOW_UNITS] = {60000.0, 1000.0 / 60.0, 60.0, 1.0, 1.0 / 60.0, 3.785411784,
                                                  28.316846592};

typedef struct {
    valve valve;
    enum flow_unit shown_in;
} device_state;

static double percent_at(const bank *b, uint16_t address)
{
    return 0.01 * bank_word(b, address);
}

static void take_orders(device_state *d, const bank *b)
{
    d->valve.orders = (valve_orders){
        .setpoint_percent = percent_at(b, HR_SETPOINT),
        .minimum_percent = percent_at(b, HR_MINIMUM),
        .maximum_percent = percent_at(b, HR_MAXIMUM),
        .override = (enum override_word)bank_word(b, HR_OVERRIDE),
        .fail_position = (enum fail_position)bank_word(b, HR_FAIL_POSITION),
        .flow_control = bank_word(b, HR_CONTROL_MODE) == 1,
        .from_bus = bank_word(b, HR_SETPOINT_SOURCE) == 1,
        .dp_kpa = 0.1 * bank_word(b, HR_BENCH_DP),
        .blocked_percent = percent_at(b, HR_BENCH_BLOCKED),
        .analogue_percent = percent_at(b, HR_BENCH_ANALOGUE),
        .stuck = bank_word(b, HR_BENCH_STUCK) == 1,
    };
    d->shown_in = (enum flow_unit)bank_word(b, HR_FLOW_UNIT);
}

static void init(void *state, bank *b, const settings *s)
{
    device_state *d = state;
    const valve_settings chosen = {
        .stroke_s = settings_get(s, "--stroke-s"),
        .dead_band_percent = settings_get(s, "--dead-band"),
        .backlash_percent = settings_get(s, "--backlash"),
        .start_percent = settings_get(s, "--start-position"),
        .watchdog_s = settings_get(s, "--watchdog-s"),
        .nominal_flow_l_min = settings_get(s, "--nominal-flow"),
        .nominal_dp_kpa = settings_get(s, "--nominal-dp-kpa"),
        .authority = settings_get(s, "--authority"),
    };

    valve_init(&d->valve, &chosen);
    bank_put(b, HR_FAIL_POSITION, (uint16_t)settings_get(s, "--fail-position"));
    bank_put(b, HR_BENCH_DP, counts_u16(chosen.nominal_dp_kpa, 0.1));
    take_orders(d, b);
}

static bool covers(uint16_t first, uint16_t count, uint16_t address)
{
    return address >= first && address < first + count;
}

/* The value a register will have once this block is written. */
static uint16_t after(const bank *b, uint16_t first, const uint16_t *words, uint16_t count, uint16_t address)
{
    return covers(first, count, address) ? words[address - first] : bank_word(b, address);
}

static int check_limits(const void *state, const bank *b, uint16_t first, const uint16_t *words, uint16_t count)
{
    (void)state;
    return after(b, first, words, count, HR_MINIMUM) <= after(b, first, words, count, HR_MAXIMUM) ? ACCEPTED
                                                                                               : ILLEGAL_VALUE;
}

static void written(void *state, bank *b, uint16_t first, uint16_t count)
{
    device_state *d = state;

    take_orders(d, b);
    if (covers(first, count, HR_SETPOINT) || covers(first, count, HR_OVERRIDE))
        valve_heard(&d->valve);
    if (covers(first, count, HR_COMMAND)) {
        valve_command(&d->valve, (enum command_word)bank_word(b, HR_COMMAND));
        bank_put(b, HR_COMMAND, COMMAND_NONE);
    }
}

static void step(void *state, double dt_s)
{
    valve_step(&((device_state *)state)->valve, dt_s);
}

static void put_flow(bank *b, uint16_t address, double flow_l_min, enum flow_unit unit)
{
    const double counts = floor(1000.0 * flow_l_min / L_MIN_PER_UNIT[unit] + 0.5);

    bank_put_u32(b, address, counts < 4294967295.0 ? (uint32_t)counts : 4294967295u, true);
}

static void publish(const void *state, bank *b)
{
    const device_state *d = state;
    const valve *v = &d->valve;
    const double nominal_l_min = v->settings.nominal_flow_l_min;

    bank_put(b, HR_POSITION, counts_u16(v->actuator.gear_percent, 0.01));
    bank_put(b, HR_ANGLE, counts_u16(0.9 * v->actuator.gear_percent, 1.0));
    bank_put(b, HR_RELATIVE_FLOW, counts_u16(100.0 * v->shown_flow_l_min / nominal_l_min, 0.01));
    bank_put(b, HR_ABSOLUTE_FLOW, counts_u16(v->shown_flow_l_min, 1.0));
    put_flow(b, HR_FLOW, v->shown_flow_l_min, d->shown_in);
    put_flow(b, HR_NOMINAL_FLOW, nominal_l_min, d->shown_in);
    bank_put(b, HR_FAULT, valve_faults(v));
}

static const device_class VALVE_ACTUATOR = {
    .name = "valve_actuator",
    .what = "a valve actuator with a flow sensor, on Modbus",
    .map = {HOLDING, sizeof HOLDING / sizeof HOLDING[0], 0, 0},
    .settings = OPTIONS,
    .setting_count = sizeof OPTIONS / sizeof OPTIONS[0],
    .state_size = sizeof(device_state),
    .init = init,
    .check = check_limits,
    .written = written,
    .step = step,
    .publish = publish,
};

int main(int argc, char **argv)
{
    return stub_main(&VALVE_ACTUATOR, argc, argv);
}
