#include "settings.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"

enum { EXIT_BAD_OPTION = 2, KEEP_RUNNING = -1 };

static const setting COMMON[] = {
    {"--port", "", "TCP port; 0 picks a free one", 0, 65535, 1502, true, NULL},
    {"--baud", " baud", "speed of the serial line", 1200, 115200, 9600, true, NULL},
    {"--parity", "", "of the serial line; none has two stop bits", 0, 2, 0, true, "even none odd"},
    {"--pace", "", "replies leave with their last character, character by character, or at once", 0, 2, 0, true,
     "frame chars none"},
    {"--turnaround-ms", " ms", "between the silence after a request and the reply, serial line", 0, 1000, 1, false, NULL},
    {"--time-scale", "", "the device's time runs so many times faster; 0: it stands, see 'step'", 0, 1000, 1, false, NULL},
    {"--commands", "", "stdin: commands by line, and end of file ends the stub", 0, 1, 0, true, "none stdin"},
};
enum { COMMON_COUNT = sizeof COMMON / sizeof COMMON[0] };

static setting *find(settings *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->rows[i].name, name) == 0)
            return &s->rows[i];
    return NULL;
}

double settings_get(const settings *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->rows[i].name, name) == 0)
            return s->rows[i].value;
    fprintf(stderr, "%s: no option %s in the tables\n", s->program, name);
    abort();
}

/* The word number `place` of a list; its length in *length, NULL past the end. */
static const char *word(const char *words, int place, size_t *length)
{
    for (; *words; place--) {
        *length = strcspn(words, " ");
        if (place == 0)
            return words;
        words += *length + (words[*length] == ' ');
    }
    return NULL;
}

static void print_words(FILE *to, const char *words)
{
    size_t length;
    const char *one;

    for (int place = 0; (one = word(words, place, &length)); place++)
        fprintf(to, "%s%.*s", place ? " or " : "", (int)length, one);
}

static void print_help(const settings *s, const char *what)
{
    printf("%s: %s\n\n"
           "  --address A            IPv4 address to listen on (127.0.0.1)\n"
           "  --units U              unit ids served, such as 1, 1-8 or 1,3,5-7; also --unit (1)\n"
           "  --rtu DEVICE           serve this serial line; TCP too only if --port is given\n", s->program, what);
    for (size_t i = 0; i < s->count; i++) {
        const setting *o = &s->rows[i];
        size_t length = 0;

        printf("  %-20s   %s, ", o->name, o->help);
        if (o->words) {
            const char *chosen = word(o->words, (int)o->value, &length);

            print_words(stdout, o->words);
            printf(" (%.*s)\n", (int)length, chosen);
        } else {
            printf("%g to %g%s (%g)\n", o->low, o->high, o->unit, o->value);
        }
    }
}

static int take_number(const char *program, setting *option, const char *text)
{
    char *end = NULL;
    const double value = strtod(text, &end);

    if (end == text || *end != '\0' || !(value >= option->low && value <= option->high) ||
        (option->whole && value != floor(value))) {
        fprintf(stderr, "%s: %s %s: expected %s from %g to %g%s\n", program, option->name, text,
                option->whole ? "a whole number" : "a number", option->low, option->high, option->unit);
        return EXIT_BAD_OPTION;
    }
    option->value = value;
    return KEEP_RUNNING;
}

static int take_word(const char *program, setting *option, const char *text)
{
    size_t length;
    const char *one;

    for (int place = 0; (one = word(option->words, place, &length)); place++)
        if (strlen(text) == length && strncmp(one, text, length) == 0) {
            option->value = place;
            return KEEP_RUNNING;
        }
    fprintf(stderr, "%s: %s %s: expected ", program, option->name, text);
    print_words(stderr, option->words);
    fputc('\n', stderr);
    return EXIT_BAD_OPTION;
}

static int take_address(settings *s, const char *text)
{
    struct in_addr parsed;

    if (inet_pton(AF_INET, text, &parsed) != 1) {
        fprintf(stderr, "%s: --address %s: expected an IPv4 address such as 127.0.0.1\n", s->program, text);
        return EXIT_BAD_OPTION;
    }
    s->address = text;
    return KEEP_RUNNING;
}

/* One item of a list of unit ids, `4` or `1-8`; gives what follows it, NULL where it is none. */
static const char *take_unit_range(settings *s, const char *text)
{
    char *end;
    long first = strtol(text, &end, 10), last = first;

    if (end == text)
        return NULL;
    if (*end == '-') {
        text = end + 1;
        last = strtol(text, &end, 10);
        if (end == text)
            return NULL;
    }
    if (first < 1 || last >= UNIT_IDS || first > last)
        return NULL;
    for (long id = first; id <= last; id++)
        s->units[id] = true;
    return end;
}

static int take_units(settings *s, const char *text)
{
    const char *rest = text;

    memset(s->units, 0, sizeof s->units);
    while ((rest = take_unit_range(s, rest)) && *rest == ',')
        rest++;
    if (rest && *rest == '\0')
        return KEEP_RUNNING;
    fprintf(stderr, "%s: --units %s: expected unit ids from 1 to 247, such as 1, 1-8 or 1,3,5-7\n", s->program, text);
    return EXIT_BAD_OPTION;
}

static int unknown(const settings *s, const char *name)
{
    fprintf(stderr, "%s: unknown option %s; --help lists them\n", s->program, name);
    return EXIT_BAD_OPTION;
}

static bool takes_value(settings *s, const char *name)
{
    static const char *const apart[] = {"--address", "--units", "--unit", "--rtu"};

    for (size_t i = 0; i < sizeof apart / sizeof *apart; i++)
        if (strcmp(name, apart[i]) == 0)
            return true;
    return find(s, name) != NULL;
}

static int take(settings *s, const char *name, const char *text)
{
    setting *option;

    if (strcmp(name, "--address") == 0)
        return take_address(s, text);
    if (strcmp(name, "--units") == 0 || strcmp(name, "--unit") == 0)
        return take_units(s, text);
    if (strcmp(name, "--rtu") == 0) {
        s->rtu = text;
        return KEEP_RUNNING;
    }
    if (strcmp(name, "--port") == 0)
        s->port_given = true;
    option = find(s, name);
    return option->words ? take_word(s->program, option, text) : take_number(s->program, option, text);
}

static void fill(settings *s, const device_class *device)
{
    memset(s, 0, sizeof *s);
    s->program = device->name;
    s->address = "127.0.0.1";
    s->units[1] = true;
    s->count = COMMON_COUNT + device->setting_count;
    if (s->count > MOST_SETTINGS) {
        fprintf(stderr, "%s: more than %d options\n", s->program, (int)MOST_SETTINGS);
        abort();
    }
    memcpy(s->rows, COMMON, sizeof COMMON);
    if (device->setting_count)
        memcpy(s->rows + COMMON_COUNT, device->settings, device->setting_count * sizeof *device->settings);
}

int settings_parse(settings *s, const device_class *device, int argc, char **argv)
{
    fill(s, device);
    for (int i = 1; i < argc; i += 2) {
        if (strcmp(argv[i], "--help") == 0) {
            print_help(s, device->what);
            return 0;
        }
        if (!takes_value(s, argv[i]))
            return unknown(s, argv[i]);
        if (i + 1 >= argc) {
            fprintf(stderr, "%s: %s needs a value; --help lists the options\n", s->program, argv[i]);
            return EXIT_BAD_OPTION;
        }
        if (take(s, argv[i], argv[i + 1]) != KEEP_RUNNING)
            return EXIT_BAD_OPTION;
    }
    return device->settle && !device->settle(s) ? EXIT_BAD_OPTION : KEEP_RUNNING;
}
