/* A variable speed drive with a pump as a VLT FC 102 has it: the drive of ../vfd behind map.h. */
#include <math.h>

#include "bench.h"
#include "danfoss_fc.h"
#include "device.h"
#include "map.h"
#include "request.h"

static const double FULL = 16384.0; /* counts of a reference or an actual value at 100 % */

enum { ACTION_OFF = 0, ACTION_STOP = 2, ACTION_TRIP = 5 };

static const setting OPTIONS[] = {
    MOTOR_OPTIONS,
    {"--timeout-s", " s", "control time-out at power-up (parameter 8-03)", 0.1, 18000, 3, false, NULL},
    {"--timeout-action", "", "at power-up (parameter 8-04)", 0, 2, 0, true, "off stop trip"},
};

static const register_row HOLDING[] = {
    TAKES_ANY(HR_RAMP_UP, 2, 0),
    TAKES_ANY(HR_RAMP_DOWN, 2, 0),
    TAKES_ANY(HR_TIMEOUT, 2, 0),
    TAKES(HR_TIMEOUT_ACTION, ACTION_OFF, ACTION_TRIP, ACTION_OFF),
    READ_ONLY(HR_LAST_ALARM, 1, 0),
    READ_ONLY(HR_FREQUENCY, 1, 0),
    READ_ONLY(HR_CURRENT, 2, 0),
    READ_ONLY(HR_ALARM_WORD, 2, 0),
    TAKES_ANY(HR_CONTROL_WORD, 1, 0),
    TAKES_SIGNED(HR_REFERENCE, -32768, 32767, 0),
    READ_ONLY(HR_STATUS_WORD, 1, 0),
    READ_ONLY(HR_ACTUAL, 1, 0),
    BENCH_REGISTERS(255),
};

static enum timeout_action action_of(uint16_t word)
{
    return word == ACTION_OFF ? TIMEOUT_IGNORE : word == ACTION_STOP ? TIMEOUT_STOP : TIMEOUT_RAMP;
}

static void take_orders(drive *d, const bank *b)
{
    drive_orders *o = &d->orders;

    o->command = bank_word(b, HR_CONTROL_WORD);
    o->reverse = o->command & FC_REVERSE;
    o->reference_hz = bank_signed(b, HR_REFERENCE) / FULL * d->motor.plate.rated_frequency_hz;
    o->acceleration_s = 0.01 * bank_u32(b, HR_RAMP_UP, false);
    o->deceleration_s = 0.01 * bank_u32(b, HR_RAMP_DOWN, false);
    o->timeout_s = 0.1 * bank_u32(b, HR_TIMEOUT, false);
    o->timeout_action = action_of(bank_word(b, HR_TIMEOUT_ACTION));
    bench_take(o, b);
}

static void init(void *state, bank *b, const settings *s)
{
    static const uint16_t ACTIONS[] = {ACTION_OFF, ACTION_STOP, ACTION_TRIP};
    const motor_plate plate = bench_plate(s);
    drive *d = state;

    drive_init(d, &DANFOSS_FC, &plate);
    d->orders.high_speed_hz = plate.rated_frequency_hz;
    d->orders.thermal_current_a = plate.rated_current_a;
    bank_put_u32(b, HR_RAMP_UP, 1000, false);
    bank_put_u32(b, HR_RAMP_DOWN, 1000, false);
    bank_put_u32(b, HR_TIMEOUT, (uint32_t)lround(10.0 * settings_get(s, "--timeout-s")), false);
    bank_put(b, HR_TIMEOUT_ACTION, ACTIONS[(int)settings_get(s, "--timeout-action")]);
    bench_init(b, s);
    take_orders(d, b);
}

/* Only the actions that are modelled. */
static int check(const void *state, const bank *b, uint16_t first, const uint16_t *words, uint16_t count)
{
    (void)state;
    (void)b;
    if (!bench_covers(first, count, HR_TIMEOUT_ACTION))
        return ACCEPTED;
    const uint16_t action = words[HR_TIMEOUT_ACTION - first];
    return action == ACTION_OFF || action == ACTION_STOP || action == ACTION_TRIP ? ACCEPTED : ILLEGAL_VALUE;
}

static void written(void *state, bank *b, uint16_t first, uint16_t count)
{
    drive *d = state;

    take_orders(d, b);
    /* The control word feeds its time-out, and no other message does. */
    if (bench_covers(first, count, HR_CONTROL_WORD)) {
        drive_commanded(d);
        drive_heard(d);
    }
}

static void step(void *state, double dt_s)
{
    drive_step(state, dt_s);
}

/* The alarm word's bit of an alarm that is on; the others that the book has are not modelled. */
static uint32_t alarm_bits(uint16_t alarm)
{
    switch (alarm) {
    case ALARM_EARTH_FAULT: return 1u << 2;
    case ALARM_CONTROL_WORD: return 1u << 4;
    case ALARM_OVER_CURRENT: return 1u << 5;
    case ALARM_MOTOR_ETR: return 1u << 8;
    default: return 0;
    }
}

static void publish(const void *state, bank *b)
{
    const drive *d = state;
    const double share = d->output_hz / d->motor.plate.rated_frequency_hz;

    bank_put(b, HR_STATUS_WORD, drive_status_word(d));
    bank_put(b, HR_ACTUAL, counts_s16(share, 1.0 / FULL));
    bank_put(b, HR_FREQUENCY, counts_u16(fabs(d->output_hz), 0.1));
    bank_put_u32(b, HR_CURRENT, (uint32_t)lround(100.0 * d->motor.current_a), false);
    bank_put_u32(b, HR_ALARM_WORD, alarm_bits(d->fault_now), false);
    bank_put(b, HR_LAST_ALARM, d->faults[0]);
    bench_publish(d, b);
}

static const device_class FC102 = {
    .name = "vfd_fc102",
    .what = "a variable speed drive with a pump, FC profile, on Modbus",
    .map = {HOLDING, sizeof HOLDING / sizeof HOLDING[0], 0, 0},
    .settings = OPTIONS,
    .setting_count = sizeof OPTIONS / sizeof OPTIONS[0],
    .state_size = sizeof(drive),
    .init = init,
    .check = check,
    .written = written,
    .step = step,
    .publish = publish,
};

int main(int argc, char **argv)
{
    return stub_main(&FC102, argc, argv);
}
