/* A variable speed drive with a pump: drive.c behind the registers of map.h. */
#include <math.h>

#include "bench.h"
#include "cia402.h"
#include "device.h"
#include "map.h"
#include "request.h"

enum { BIT_HALT = 8, BIT_REVERSE = 11 };

static const setting OPTIONS[] = {
    MOTOR_OPTIONS,
    {"--timeout-s", " s", "bus time-out at power-up (register 6005)", 0.1, 30, 10, false, NULL},
};

static const register_row HOLDING[] = {
    TAKES(HR_SWITCHING_FREQUENCY, 20, 120, 40),
    TAKES(HR_MAXIMUM_FREQUENCY, 100, 600, 600),
    TAKES(HR_HIGH_SPEED, 0, 600, 500),
    TAKES(HR_LOW_SPEED, 0, 600, 0),
    READ_ONLY(HR_STATUS_WORD, 11, 0), /* 3201 to 3211: one block */
    TAKES(HR_TIMEOUT, 1, 300, 100),
    TAKES(HR_TIMEOUT_ACTION, TIMEOUT_IGNORE, TIMEOUT_RAMP, TIMEOUT_FREEWHEEL),
    READ_ONLY(HR_FAULTS, FAULT_HISTORY, 0),
    TAKES_ANY(HR_COMMAND, 1, 0),
    TAKES_SIGNED(HR_REFERENCE, -32768, 32767, 0),
    TAKES_SIGNED(HR_SPEED_REFERENCE, -32768, 32767, 0),
    READ_ONLY(HR_SPEED, 1, 0),
    READ_ONLY(HR_FAULT_NOW, 1, 0),
    TAKES(HR_ACCELERATION, 0, 9999, 30),
    TAKES(HR_DECELERATION, 0, 9999, 30),
    READ_ONLY(HR_RATED_VOLTAGE, 4, 0),
    READ_ONLY(HR_RATED_POWER, 1, 0),
    TAKES(HR_THERMAL_CURRENT, 1, 15000, 0),
    READ_ONLY(HR_MOTOR_THERMAL, 1, 0),
    BENCH_REGISTERS(255),
};

static void take_orders(drive *d, const bank *b)
{
    drive_orders *o = &d->orders;

    o->command = bank_word(b, HR_COMMAND);
    o->halt = o->command >> BIT_HALT & 1;
    o->reverse = o->command >> BIT_REVERSE & 1;
    o->high_speed_hz = 0.1 * bank_word(b, HR_HIGH_SPEED);
    o->low_speed_hz = 0.1 * bank_word(b, HR_LOW_SPEED);
    o->acceleration_s = 0.1 * bank_word(b, HR_ACCELERATION);
    o->deceleration_s = 0.1 * bank_word(b, HR_DECELERATION);
    o->thermal_current_a = 0.1 * bank_word(b, HR_THERMAL_CURRENT);
    o->timeout_s = 0.1 * bank_word(b, HR_TIMEOUT);
    o->timeout_action = (enum timeout_action)bank_word(b, HR_TIMEOUT_ACTION);
    bench_take(o, b);
}

static void init(void *state, bank *b, const settings *s)
{
    const motor_plate plate = bench_plate(s);

    drive_init(state, &CIA402, &plate);
    bank_put(b, HR_RATED_VOLTAGE, counts_u16(plate.rated_voltage_v, 1.0));
    bank_put(b, HR_RATED_FREQUENCY, counts_u16(plate.rated_frequency_hz, 0.1));
    bank_put(b, HR_RATED_CURRENT, counts_u16(plate.rated_current_a, 0.1));
    bank_put(b, HR_RATED_SPEED, counts_u16(plate.rated_speed_rpm, 1.0));
    bank_put(b, HR_RATED_POWER, counts_u16(plate.rated_power_kw, 0.1));
    bank_put(b, HR_THERMAL_CURRENT, counts_u16(plate.rated_current_a, 0.1));
    bank_put(b, HR_TIMEOUT, counts_u16(settings_get(s, "--timeout-s"), 0.1));
    bench_init(b, s);
    take_orders(state, b);
}

/* The value a register will have once this block is written. */
static uint16_t after(const bank *b, uint16_t first, const uint16_t *words, uint16_t count, uint16_t address)
{
    return bench_covers(first, count, address) ? words[address - first] : bank_word(b, address);
}

/* Low speed, high speed and maximum are in order; what sets the inverter up is refused while it runs. */
static int check(const void *state, const bank *b, uint16_t first, const uint16_t *words, uint16_t count)
{
    const drive *d = state;
    const uint16_t low = after(b, first, words, count, HR_LOW_SPEED), high = after(b, first, words, count, HR_HIGH_SPEED);

    if (low > high || high > after(b, first, words, count, HR_MAXIMUM_FREQUENCY))
        return ILLEGAL_VALUE;
    if (drive_feeds_motor(d) &&
        (bench_covers(first, count, HR_SWITCHING_FREQUENCY) || bench_covers(first, count, HR_MAXIMUM_FREQUENCY)))
        return DEVICE_FAILURE;
    return ACCEPTED;
}

static void written(void *state, bank *b, uint16_t first, uint16_t count)
{
    drive *d = state;

    take_orders(d, b);
    if (bench_covers(first, count, HR_REFERENCE))
        d->orders.reference_hz = 0.1 * bank_signed(b, HR_REFERENCE);
    if (bench_covers(first, count, HR_SPEED_REFERENCE))
        d->orders.reference_hz = motor_frequency_hz(&d->motor, bank_signed(b, HR_SPEED_REFERENCE));
    if (bench_covers(first, count, HR_COMMAND) || bench_covers(first, count, HR_REFERENCE) ||
        bench_covers(first, count, HR_SPEED_REFERENCE))
        drive_commanded(d);
}

static void heard(void *state)
{
    drive_heard(state);
}

static void step(void *state, double dt_s)
{
    drive_step(state, dt_s);
}

static void publish(const void *state, bank *b)
{
    const drive *d = state;
    const motor *m = &d->motor;

    bank_put(b, HR_STATUS_WORD, drive_status_word(d));
    bank_put(b, HR_OUTPUT_FREQUENCY, counts_s16(d->output_hz, 0.1));
    bank_put(b, HR_RAMP_INPUT, counts_s16(drive_ramp_input_hz(d), 0.1));
    bank_put(b, HR_CURRENT, counts_u16(m->current_a, 0.1));
    bank_put(b, HR_TORQUE, counts_s16(100.0 * m->torque_share, 0.1));
    bank_put(b, HR_MAINS_VOLTAGE, counts_u16(m->plate.rated_voltage_v, 0.1));
    bank_put(b, HR_MOTOR_VOLTAGE, counts_u16(motor_voltage_v(m, d->output_hz), 1.0));
    bank_put(b, HR_POWER, counts_u16(100.0 * m->power_share, 1.0));
    bank_put(b, HR_SPEED, counts_s16(drive_feeds_motor(d) ? m->shaft_rpm : 0.0, 1.0));
    bench_publish(d, b);
    bank_put(b, HR_MOTOR_THERMAL, counts_u16(m->thermal_percent, 1.0));
    bank_put(b, HR_FAULT_NOW, d->fault_now);
    for (int i = 0; i < FAULT_HISTORY; i++)
        bank_put(b, (uint16_t)(HR_FAULTS + i), d->faults[i]);
}

static const device_class VFD = {
    .name = "vfd",
    .what = "a variable speed drive with a pump, on Modbus",
    .map = {HOLDING, sizeof HOLDING / sizeof HOLDING[0], 0, 0},
    .settings = OPTIONS,
    .setting_count = sizeof OPTIONS / sizeof OPTIONS[0],
    .state_size = sizeof(drive),
    .init = init,
    .check = check,
    .written = written,
    .heard = heard,
    .step = step,
    .publish = publish,
};

int main(int argc, char **argv)
{
    return stub_main(&VFD, argc, argv);
}
