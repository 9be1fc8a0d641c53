"""The settings of currency and rates: what spend is shown in, and by which rates; what is not converted, and why."""
