/* What every drive stub has beside its own map: the options of its motor, and the registers of the bench. */
#ifndef BENCH_H
#define BENCH_H

#include "bank.h"
#include "drive.h"
#include "settings.h"

enum bench_register {
    HR_BENCH_LOAD = 61000,  /* .01 % of rated torque at rated speed; torque ~ speed^2 */
    HR_BENCH_TRIP = 61001,  /* while not 0: a fault with this code */
    HR_BENCH_LOCAL = 61002, /* 1: the panel has the drive; commands of the bus are stored, not obeyed */
    HR_BENCH_SHAFT = 61003  /* 1 rpm, signed, read only: where the shaft truly is */
};

/* Lines for the table of options. */
#define MOTOR_OPTIONS                                                                                                  \
    {"--rated-frequency-hz", " Hz", "of the motor", 10, 60, 50, false, NULL},                                          \
    {"--rated-current-a", " A", "of the motor", 0.5, 1000, 29, false, NULL},                                           \
    {"--rated-speed-rpm", " rpm", "of the motor", 100, 3600, 1460, false, NULL},                                       \
    {"--rated-power-kw", " kW", "of the motor", 0.1, 1000, 15, false, NULL},                                           \
    {"--rated-voltage-v", " V", "of the motor", 100, 690, 400, false, NULL},                                           \
    {"--thermal-tau-s", " s", "of the motor", 1, 10000, 600, false, NULL},                                             \
    {"--mode", "", "local: the panel has the drive, commands of the bus are stored and not obeyed", 0, 1, 0, true,     \
     "remote local"}

/* Lines for the table of holding registers. */
#define BENCH_REGISTERS(most_fault_code)                                                                               \
    TAKES(HR_BENCH_LOAD, 0, 30000, 10000),                                                                             \
    TAKES(HR_BENCH_TRIP, 0, (most_fault_code), 0),                                                                     \
    TAKES(HR_BENCH_LOCAL, 0, 1, 0),                                                                                    \
    READ_ONLY(HR_BENCH_SHAFT, 1, 0)

motor_plate bench_plate(const settings *s);

/* Puts the bench's registers at what the options say. */
void bench_init(bank *b, const settings *s);
void bench_take(drive_orders *o, const bank *b);
void bench_publish(const drive *d, bank *b);

/* Whether `count` registers from `first` hold `address`. */
bool bench_covers(uint16_t first, uint16_t count, uint16_t address);

#endif
