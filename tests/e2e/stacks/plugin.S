/* Two libraries whose functions lie at equal addresses, their frames being of different size. */
#include "frame_macros.h"

    .text
    fixed plugin_enter PLUGIN_BYTES

    begin plugin_leaf
    grow PLUGIN_BYTES
    allocate plugin_leaf
    shrink PLUGIN_BYTES
    ret
    end plugin_leaf
