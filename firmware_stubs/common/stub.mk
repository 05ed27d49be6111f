# Rules of every stub. Set NAME and SOURCES before the include for a program; BUILD is its folder, SHARED another stub's
# folder of which it uses sources too.
CC      ?= gcc
CFLAGS  ?= -O2 -g
COMMON  := $(dir $(lastword $(MAKEFILE_LIST)))
# The feature macro opens POSIX.1-2008 (pselect, clock_gettime, sigaction), which plain C99 hides.
override CFLAGS += -std=c99 -Wall -Wextra -Werror -pedantic -D_POSIX_C_SOURCE=200809L -I$(COMMON) -I. $(SHARED:%=-I%)
vpath %.c $(SHARED)
LDLIBS  += -lmodbus -lm

# Everything is made beside its place and moved there, so that two makes at once (tests side by side) do no harm.
ifdef NAME
BUILD        ?= build
# A build in another folder (another compiler's, a sanitizer's) has its own common part.
COMMON_BUILD ?= $(if $(filter build,$(BUILD)),$(COMMON)build,$(BUILD)/common)
OBJECTS      := $(SOURCES:%.c=$(BUILD)/%.o)

$(BUILD)/$(NAME): $(OBJECTS) $(COMMON_BUILD)/libstub.a
	$(CC) $(LDFLAGS) -o $@.$$$$ $^ $(LDLIBS) && mv $@.$$$$ $@

$(COMMON_BUILD)/libstub.a: $(wildcard $(COMMON)*.c $(COMMON)*.h $(COMMON)Makefile)
# A checkout's path may have spaces, which abspath would take apart: the common part's own folder is named from there.
	$(MAKE) -C $(COMMON) BUILD=$(if $(filter $(COMMON)build,$(COMMON_BUILD)),build,$(abspath $(COMMON_BUILD)))
endif

$(BUILD)/%.o: %.c $(wildcard *.h $(SHARED:%=%/*.h) $(COMMON)*.h) Makefile $(COMMON)stub.mk | $(BUILD)
	$(CC) $(CFLAGS) -c -o $@.$$$$ $< && mv $@.$$$$ $@

$(BUILD):
	mkdir -p $@

clean:
	rm -rf $(BUILD)

.PHONY: clean
