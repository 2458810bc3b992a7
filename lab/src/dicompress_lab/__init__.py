"""What measures, trains and compares: benchmark, training, and the models to compare `pyramid` with."""
