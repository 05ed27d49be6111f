/* The PLC of a small coolant distribution unit: the program of plc.c behind the registers of map.h. */
#include <stdio.h>

#include "device.h"
#include "plc.h"
#include "request.h"

static const setting OPTIONS[] = {
    {"--watchdog-s", " s", "heartbeat and bench sensors must come within this", 0.1, 600, 3, false, NULL},
    {"--failsafe-valve", " %", "valve position in failsafe", 0, 100, 100, false, NULL},
    {"--failsafe-pump", " %", "pump speed in failsafe", 0, 100, 70, false, NULL},
    {"--stroke-s", " s", "valve stroke, 0 to 100 %", 0.1, 600, 30, false, NULL},
    {"--ramp-s", " s", "pump ramp, 0 to 100 %", 0.1, 600, 30, false, NULL},
    {"--valve-min", " %", "lowest valve position while running", 0, 100, 0, false, NULL},
    {"--valve-max", " %", "highest valve position", 0, 100, 100, false, NULL},
    {"--pump-min", " %", "lowest pump speed while running", 0, 100, 20, false, NULL},
    {"--pump-max", " %", "highest pump speed", 0, 100, 100, false, NULL},
    {"--start-mode", "", "local: the panel's key forbids REMOTE", 0, 1, 1, true, "local remote-allowed"},
};

static const register_row HOLDING[] = {
    TAKES(HR_MODE_COMMAND, 0, 1, 0),
    TAKES(HR_VALVE_COMMAND, 0, 10000, 0),
    TAKES(HR_PUMP_COMMAND, 0, 10000, 0),
    TAKES_ANY(HR_HEARTBEAT, 1, 0),
    TAKES(HR_START_COMMAND, WORD_NONE, WORD_FAULT_RESET, WORD_NONE), /* and see check_magic_word */
    TAKES_SIGNED(HR_SUPPLY_TEMP_SETPOINT, 150, 450, 300),
    TAKES_SIGNED(HR_DP_SETPOINT, 50, 650, 300),
    /* The bench stands for wires: whatever comes along a wire is taken. */
    TAKES_ANY(HR_BENCH_SUPPLY_TEMP, 4, 0),
    TAKES(HR_BENCH_LEAK, 0, 1, 0),
    TAKES(HR_BENCH_VALVE_STUCK, 0, 1, 0),
    TAKES(HR_BENCH_PUMP_TRIP, 0, 1, 0),
};

static bool inside(const settings *s, const char *what)
{
    char low[32], high[32], failsafe[32];

    snprintf(low, sizeof low, "--%s-min", what);
    snprintf(high, sizeof high, "--%s-max", what);
    snprintf(failsafe, sizeof failsafe, "--failsafe-%s", what);
    if (settings_get(s, low) <= settings_get(s, failsafe) && settings_get(s, failsafe) <= settings_get(s, high))
        return true;
    fprintf(stderr, "%s: %s %g is outside %s %g to %s %g\n", s->program, failsafe, settings_get(s, failsafe), low,
            settings_get(s, low), high, settings_get(s, high));
    return false;
}

static bool settle(const settings *s)
{
    return inside(s, "valve") && inside(s, "pump");
}

static void init(void *state, bank *b, const settings *s)
{
    const plc_settings chosen = {
        .watchdog_s = settings_get(s, "--watchdog-s"),
        .failsafe_valve_percent = settings_get(s, "--failsafe-valve"),
        .failsafe_pump_percent = settings_get(s, "--failsafe-pump"),
        .valve_stroke_s = settings_get(s, "--stroke-s"),
        .pump_ramp_s = settings_get(s, "--ramp-s"),
        .valve_min_percent = settings_get(s, "--valve-min"),
        .valve_max_percent = settings_get(s, "--valve-max"),
        .pump_min_percent = settings_get(s, "--pump-min"),
        .pump_max_percent = settings_get(s, "--pump-max"),
        .remote_locked = settings_get(s, "--start-mode") < 1.0,
    };

    (void)b;
    plc_init(state, &chosen);
}

static bool is_magic_word(uint16_t word)
{
    return word == WORD_NONE || word == WORD_START || word == WORD_STOP || word == WORD_FAULT_RESET;
}

static int check_magic_word(const void *state, const bank *b, uint16_t first, const uint16_t *words, uint16_t count)
{
    (void)state;
    (void)b;
    for (uint16_t i = 0; i < count; i++)
        if (first + i == HR_START_COMMAND && !is_magic_word(words[i]))
            return ILLEGAL_VALUE;
    return ACCEPTED;
}

static void written(void *state, bank *b, uint16_t first, uint16_t count)
{
    for (uint32_t address = first; address < (uint32_t)first + count; address++)
        plc_write(state, (uint16_t)address, bank_word(b, (uint16_t)address));
}

static void step(void *state, double dt_s)
{
    plc_tick(state, dt_s);
}

static void publish(const void *state, bank *b)
{
    plc_publish(state, b->words->tab_input_registers, b->words->tab_input_bits);
}

static const device_class CDU_PLC = {
    .name = "cdu_plc",
    .what = "the PLC of a small coolant distribution unit, on Modbus",
    .map = {HOLDING, sizeof HOLDING / sizeof HOLDING[0], IR_COUNT, DI_COUNT},
    .settings = OPTIONS,
    .setting_count = sizeof OPTIONS / sizeof OPTIONS[0],
    .state_size = sizeof(plc),
    .settle = settle,
    .init = init,
    .check = check_magic_word,
    .written = written,
    .step = step,
    .publish = publish,
};

int main(int argc, char **argv)
{
    return stub_main(&CDU_PLC, argc, argv);
}
