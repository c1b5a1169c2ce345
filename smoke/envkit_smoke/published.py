"""The figures that the lecture and the textbook print: data only, each with its source.

"Lecture" is "Lecture 2 - Understanding Deep Learning"; "textbook" is the backpropagation example of Han,
Kamber and Pei, Data Mining: Concepts and Techniques.
"""

from __future__ import annotations

from envkit_smoke.network import Layer, Network

# Lecture, linear regression. Temperature, rainfall, humidity; yield of apples, oranges. The 15 rows of the
# data set are these five, three times over.
DISTINCT_INPUTS = ((73, 67, 43), (91, 88, 64), (87, 134, 58), (102, 43, 37), (69, 96, 70))
DISTINCT_TARGETS = ((56, 70), (81, 101), (119, 133), (22, 37), (103, 119))
REPEATS = 3
BATCH_ROWS = 3
LEARNING_RATE = 1e-4
MOMENTUM = 0.9
EPOCHS = 100

# Lecture, printed before training: an output's three weights, then its bias; the predictions; their MSE.
INITIAL_PARAMETERS = ((0.1031, -0.1294, -0.2577, 0.1243), (0.2918, 0.2565, 0.3788, -0.1913))
INITIAL_PREDICTIONS = (
    (-12.0939, 54.5786),
    (-18.3652, 73.1704),
    (-23.1823, 81.5285),
    (-4.4521, 54.6120),
    (-23.2153, 71.0758),
)
INITIAL_MSE = 5762.45849609375
HALF_OF_FOURTH_DECIMAL = 0.5e-4

# Least squares with bias, float64: an output's three weights, then its bias; the MSE there.
CLOSED_FORM = ((-0.387574, 0.847757, 0.698178, -1.637613), (-0.285158, 0.794007, 0.924975, -2.218279))
CLOSED_FORM_MSE = 0.483121
HALF_OF_SIXTH_DECIMAL = 0.5e-6

# Textbook, initial values: units 1 to 3 are the input, 4 and 5 hidden, 6 the output; weights w1j, w2j, w3j a row.
TEXTBOOK = Network(
    layers=(
        Layer(weights=((0.2, -0.3), (0.4, 0.1), (-0.5, 0.2)), biases=(-0.4, 0.2), activation="sigmoid"),
        Layer(weights=((-0.3,), (-0.2,)), biases=(0.1,), activation="sigmoid"),
    ),
    inputs=((1.0, 0.0, 1.0),),
    targets=((1.0,),),
    loss="half-sse",
    rate=0.9,
    steps=EPOCHS,
)

# Textbook, the first step; units 4, 5, 6; of the updated parameters the biases stand last. The first two net
# inputs are exact, all others are rounded. Its errors point downhill: they are minus the derivative of the loss.
NET_INPUTS = (-0.700, 0.100, -0.105)
OUTPUTS = (0.332, 0.525, 0.474)
ERRORS = (-0.0087, -0.0065, 0.1311)
HIDDEN_AFTER = ((0.192, -0.306), (0.400, 0.100), (-0.508, 0.194), (-0.408, 0.194))
OUTPUT_AFTER = ((-0.261,), (-0.138,), (0.218,))
THIRD_DECIMAL = 1e-3
FOURTH_DECIMAL = 1e-4
