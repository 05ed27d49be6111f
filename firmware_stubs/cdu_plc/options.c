#include "options.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_BAD_OPTION = 2, KEEP_RUNNING = -1 };

typedef struct {
    const char *name, *unit, *help;
    double low, high, value;
    bool whole;
} number_option;

enum {
    PORT, UNIT, WATCHDOG_S, FAILSAFE_VALVE, FAILSAFE_PUMP, STROKE_S, RAMP_S,
    VALVE_MIN, VALVE_MAX, PUMP_MIN, PUMP_MAX, NUMBER_COUNT
};

static const number_option DEFAULTS[NUMBER_COUNT] = {
    [PORT] = {"--port", "", "TCP port; 0 picks a free one", 0, 65535, 1502, true},
    [UNIT] = {"--unit", "", "unit id answered; others get exception 11", 1, 247, 1, true},
    [WATCHDOG_S] = {"--watchdog-s", " s", "heartbeat and bench sensors must come within this", 0.1, 600, 3, false},
    [FAILSAFE_VALVE] = {"--failsafe-valve", " %", "valve position in failsafe", 0, 100, 100, false},
    [FAILSAFE_PUMP] = {"--failsafe-pump", " %", "pump speed in failsafe", 0, 100, 70, false},
    [STROKE_S] = {"--stroke-s", " s", "valve stroke, 0 to 100 %", 0.1, 600, 30, false},
    [RAMP_S] = {"--ramp-s", " s", "pump ramp, 0 to 100 %", 0.1, 600, 30, false},
    [VALVE_MIN] = {"--valve-min", " %", "lowest valve position while running", 0, 100, 0, false},
    [VALVE_MAX] = {"--valve-max", " %", "highest valve position", 0, 100, 100, false},
    [PUMP_MIN] = {"--pump-min", " %", "lowest pump speed while running", 0, 100, 20, false},
    [PUMP_MAX] = {"--pump-max", " %", "highest pump speed", 0, 100, 100, false},
};

static void print_help(void)
{
    printf("cdu_plc: the PLC of a small coolant distribution unit, on Modbus TCP\n\n"
           "  --address A          IPv4 address to listen on (127.0.0.1)\n"
           "  --start-mode M       remote-allowed, or local: the panel's key forbids REMOTE (remote-allowed)\n");
    for (int i = 0; i < NUMBER_COUNT; i++)
        printf("  %-18s   %s, %g to %g%s (%g)\n", DEFAULTS[i].name, DEFAULTS[i].help, DEFAULTS[i].low,
               DEFAULTS[i].high, DEFAULTS[i].unit, DEFAULTS[i].value);
}

static int take_number(number_option *option, const char *text)
{
    char *end = NULL;
    const double value = strtod(text, &end);

    if (end == text || *end != '\0' || !(value >= option->low && value <= option->high) ||
        (option->whole && value != floor(value))) {
        fprintf(stderr, "cdu_plc: %s %s: expected %s from %g to %g%s\n", option->name, text,
                option->whole ? "a whole number" : "a number", option->low, option->high, option->unit);
        return EXIT_BAD_OPTION;
    }
    option->value = value;
    return KEEP_RUNNING;
}

static int take_address(options *o, const char *text)
{
    struct in_addr parsed;

    if (inet_pton(AF_INET, text, &parsed) != 1) {
        fprintf(stderr, "cdu_plc: --address %s: expected an IPv4 address such as 127.0.0.1\n", text);
        return EXIT_BAD_OPTION;
    }
    o->address = text;
    return KEEP_RUNNING;
}

static int take_start_mode(options *o, const char *text)
{
    if (strcmp(text, "local") != 0 && strcmp(text, "remote-allowed") != 0) {
        fprintf(stderr, "cdu_plc: --start-mode %s: expected local or remote-allowed\n", text);
        return EXIT_BAD_OPTION;
    }
    o->plc.remote_locked = strcmp(text, "local") == 0;
    return KEEP_RUNNING;
}

static int take(options *o, number_option *numbers, const char *name, const char *text)
{
    if (strcmp(name, "--address") == 0)
        return take_address(o, text);
    if (strcmp(name, "--start-mode") == 0)
        return take_start_mode(o, text);
    for (int i = 0; i < NUMBER_COUNT; i++)
        if (strcmp(name, numbers[i].name) == 0)
            return take_number(&numbers[i], text);
    fprintf(stderr, "cdu_plc: unknown option %s; --help lists them\n", name);
    return EXIT_BAD_OPTION;
}

static int check_limits(const char *what, double low, double high, double failsafe)
{
    if (low <= failsafe && failsafe <= high)
        return KEEP_RUNNING;
    fprintf(stderr, "cdu_plc: --failsafe-%s %g is outside --%s-min %g to --%s-max %g\n", what, failsafe, what, low,
            what, high);
    return EXIT_BAD_OPTION;
}

static int settle(options *o, const number_option *n)
{
    const bool remote_locked = o->plc.remote_locked;

    o->port = (int)n[PORT].value;
    o->unit = (int)n[UNIT].value;
    o->plc = (plc_settings){n[WATCHDOG_S].value, n[FAILSAFE_VALVE].value, n[FAILSAFE_PUMP].value, n[STROKE_S].value,
                            n[RAMP_S].value, n[VALVE_MIN].value, n[VALVE_MAX].value, n[PUMP_MIN].value,
                            n[PUMP_MAX].value, remote_locked};
    if (check_limits("valve", n[VALVE_MIN].value, n[VALVE_MAX].value, n[FAILSAFE_VALVE].value) != KEEP_RUNNING)
        return EXIT_BAD_OPTION;
    return check_limits("pump", n[PUMP_MIN].value, n[PUMP_MAX].value, n[FAILSAFE_PUMP].value);
}

int options_parse(options *o, int argc, char **argv)
{
    number_option numbers[NUMBER_COUNT];

    memcpy(numbers, DEFAULTS, sizeof numbers);
    *o = (options){.address = "127.0.0.1"};
    for (int i = 1; i < argc; i += 2) {
        if (strcmp(argv[i], "--help") == 0) {
            print_help();
            return 0;
        }
        if (i + 1 >= argc) {
            fprintf(stderr, "cdu_plc: %s needs a value; --help lists the options\n", argv[i]);
            return EXIT_BAD_OPTION;
        }
        if (take(o, numbers, argv[i], argv[i + 1]) != KEEP_RUNNING)
            return EXIT_BAD_OPTION;
    }
    return settle(o, numbers);
}
